"""However Pi ends or stops in a real terminal: the terminal is usable, and the session goes on later."""

import os
import signal
import stat
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import READY, Terminals, World
from tests.e2e.tmux import Tmux, editor

HANG = {"text": "This goes on and on", "chunk": 4, "fault": {"kind": "hang", "afterDeltas": 3}}
# A fault of our own while an answer is drawn, with something secret in it.
FAULT = """
import sys
if "-m" in sys.orig_argv and "pi" in sys.orig_argv:
    import os
    def broken(*given, **named):
        raise RuntimeError("-".join(["sk", "in", "the", "message"]))
    import pi.modes.tui.frame as frame
    compose = frame.compose
    def sometimes(interface, width, height):
        if os.path.exists(os.environ["PI_TEST_FAULT"]):
            broken()
        return compose(interface, width, height)
    frame.compose = sometimes
"""


class Shell:
    """A shell in which Pi is started as people do."""

    def __init__(self, terminals: Terminals, world: World, **env: str):
        self.screen: Tmux = terminals.run(
            ["bash", "--norc", "--noprofile", "-i"],
            env={"PS1": "> ", "HISTFILE": "/dev/null", **env},
            ready=">",
        )
        self.world = world
        self.modes = self.ask("stty -a")

    def ask(self, command: str) -> str:
        """What a command prints."""
        path = self.world.agent.parent / "printed"
        path.unlink(missing_ok=True)
        self.screen.say(f"{command} > {path}; echo done=$((40 + 2)); clear")
        self.screen.until(lambda _: path.exists() and self.screen.text.strip() == ">")
        return path.read_text()

    def pi(self, *words: str, ready: str | None = READY) -> int:
        """Start Pi; its process id."""
        self.screen.say(f"{sys.executable} -m pi {' '.join(words)}")
        if ready is not None:
            self.screen.until(ready)
        return self.children()[0]

    def children(self) -> list[int]:
        task = Path("/proc") / str(self.screen.pid) / "task" / str(self.screen.pid) / "children"
        return [int(word) for word in task.read_text().split()]

    def back(self) -> None:
        """The shell has the terminal again, as it was."""
        self.screen.until(lambda _: not self.children())
        self.screen.awaits("alternate_on", "0")
        assert self.screen.ask("cursor_flag") == "1"
        assert [self.screen.ask(f"mouse_{kind}_flag") for kind in ("any", "standard", "sgr", "all")] == [
            "0"
        ] * 4
        self.screen.say("")
        assert self.ask("stty -a") == self.modes


@pytest.mark.parametrize(
    "keys", [["/quit", "Enter"], ["C-d"], ["C-c", "C-c"]], ids=["quit", "ctrl+d", "ctrl+c"]
)
def test_who_leaves_gets_the_terminal_back_and_is_told_how_to_go_on(
    terminals: Terminals, world: World, keys: list[str]
) -> None:
    shell = Shell(terminals, world)
    shell.pi()
    shell.screen.say("hello")
    shell.screen.until("Fine.")
    shell.screen.gone("to interrupt")

    shell.screen.press(*keys)
    shown = shell.screen.until("pi --session ")

    assert "Fine." in shown
    (session,) = world.sessions()
    assert session[0]["id"] in shown
    shell.back()


def test_ctrl_c_clears_what_is_typed_first(terminals: Terminals, world: World) -> None:
    screen = terminals.open()

    screen.type("half a thought")
    screen.press("C-c")
    screen.until(lambda shown: editor(shown) == "")
    screen.type("x")
    screen.press("C-d")
    screen.until(lambda shown: editor(shown) == "x")
    screen.press("BSpace")
    screen.until(lambda shown: editor(shown) == "")
    screen.press("C-d")

    assert screen.ended() == 0


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL], ids=lambda number: number.name
)
def test_a_signal_leaves_a_usable_terminal_and_a_session(
    terminals: Terminals, world: World, number: signal.Signals
) -> None:
    world.provider.script({"text": "Well."}, HANG)
    shell = Shell(terminals, world)
    pid = shell.pi()
    shell.screen.say("first")
    shell.screen.until("Well.")
    shell.screen.say("second")
    shell.screen.until("This goes")

    os.kill(pid, number)
    shell.back()

    assert world.sessions()
    shell.pi("-c")
    shell.screen.until("Well.")
    shell.screen.say("third")
    shell.screen.until("Fine.")
    assert world.provider.asked()[-1] == "third"


def test_a_terminal_that_is_closed_ends_pi(terminals: Terminals, world: World) -> None:
    world.provider.script(HANG)
    screen = terminals.open()
    screen.say("first")
    screen.until("This goes")
    pid = screen.pid

    screen.close()

    gone = terminals.run(["sleep", "60"])
    gone.until(
        lambda _: not Path(f"/proc/{pid}/cmdline").exists() or not Path(f"/proc/{pid}/cmdline").read_bytes()
    )
    again = terminals.open("-c")
    again.until("first")
    assert not (world.agent / "pi-crash.log").exists()


def test_a_fault_of_our_own_is_logged_without_secrets(terminals: Terminals, world: World) -> None:
    folder, fault = world.agent.parent / "site", world.agent.parent / "fault"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(FAULT)
    shell = Shell(terminals, world, PYTHONPATH=str(folder), PI_TEST_FAULT=str(fault))
    shell.pi()
    shell.screen.say("hello sk-secret-key")
    shell.screen.until("Fine.")

    fault.touch()
    shell.screen.type("x")
    shown = shell.screen.until("Pi has ended by a fault of its own (RuntimeError)")
    shell.back()

    assert "sk-in-the-message" not in shown
    log = world.agent / "pi-crash.log"
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert "in broken" in log.read_text()
    assert not [secret for secret in ("sk-in-the-message", "sk-secret-key") if secret in log.read_text()]
    fault.unlink()
    shell.pi("-c")
    shell.screen.until("Fine.")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
@pytest.mark.parametrize(
    ("words", "question"), [((), "Trust "), (("-r",), "Sessions: ")], ids=["trust", "resume"]
)
def test_a_signal_at_the_first_question_leaves_a_usable_terminal(
    terminals: Terminals, world: World, number: signal.Signals, words: tuple[str, ...], question: str
) -> None:
    if not words:
        (world.project / ".pi" / "extensions").mkdir(parents=True)
    shell = Shell(terminals, world)
    pid = shell.pi(*words, ready=question)

    os.kill(pid, number)

    shell.back()


def test_an_answer_goes_on_after_pi_was_stopped(terminals: Terminals, world: World) -> None:
    world.provider.script({"text": "on and on " * 60 + "The end.", "chunk": 4, "delayMs": 10})
    shell = Shell(terminals, world)
    shell.pi()
    shell.screen.say("talk")
    shell.screen.until("on and on")

    shell.screen.press("C-z")
    shell.screen.until("Stopped")
    shell.screen.say("fg")
    shell.screen.until("The end.")

    assert world.last_message()["content"][0]["text"].endswith("The end.")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_is_told_by_the_exit_code(terminals: Terminals, number: signal.Signals) -> None:
    screen = terminals.open()

    os.kill(screen.pid, number)

    assert screen.ended() == 128 + number


def test_pi_is_stopped_and_goes_on_as_a_job_of_the_shell(terminals: Terminals, world: World) -> None:
    shell = Shell(terminals, world)
    shell.pi()
    shell.screen.type("half a")
    shell.screen.until("half a")

    shell.screen.press("C-z")
    shell.screen.until("Stopped")
    shell.screen.awaits("alternate_on", "0")
    assert shell.ask("stty -a") == shell.modes
    shell.screen.say("fg")
    shell.screen.until(lambda shown: editor(shown) == "half a")
    assert shell.screen.ask("alternate_on") == "1"
    shell.screen.say(" thought")
    shell.screen.until("Fine.")

    assert world.provider.asked() == ["half a thought"]
    shell.screen.press("C-d")
    shell.back()
