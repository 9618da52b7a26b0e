"""A terminal is put back on every way out of the process, in a real one."""

import os
import signal
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from pi.modes.tui.terminal.rescue import RESTORE_SEQUENCE
from tests.e2e.terminal import Screen, screen

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no such terminal")

BEGIN = """
import os, signal, sys, termios, time
from pi.modes.tui.terminal.rescue import Rescue

rescue = Rescue()
modes = termios.tcgetattr(0)
modes[3] &= ~(termios.ECHO | termios.ICANON | termios.ISIG)
termios.tcsetattr(0, termios.TCSANOW, modes)
rescue.arm()
os.write(1, b"\\x1b[?1049h")
def watched():
    pid = rescue._watchdog.pid
    while os.getsid(pid) != pid or len(os.listdir(f"/proc/{pid}/fd")) > 2:
        os.sched_yield()
    return pid
def say(text):
    os.write(1, text.encode() + b"\\n")
"""
RESTORED = RESTORE_SEQUENCE


@pytest.fixture
def run(tmp_path: Path) -> Iterator[object]:
    def start(code: str) -> Screen:
        opened = screen([sys.executable, "-c", BEGIN + code], tmp_path, dict(os.environ))
        running.append(opened)
        return opened.__enter__()

    running: list[object] = []
    yield start
    for opened in running:
        opened.__exit__(None, None, None)


def restored_once(shown: Screen) -> bool:
    return shown.text.count(RESTORED) == 1


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [
        ("sys.exit(3)", 3),
        ("rescue.close()", 0),
        ("raise ValueError('gone')", 1),
        ("os.kill(os.getpid(), signal.SIGKILL)", -9),
        ("os.kill(os.getpid(), signal.SIGSEGV)", -11),
        ("os._exit(7)", 7),
        ("rescue.watch(sys.exit, print); os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)", 143),
        ("rescue.watch(sys.exit, print); os.kill(os.getpid(), signal.SIGHUP); time.sleep(60)", 129),
        (
            "import asyncio\n"
            "async def app():\n"
            "    loop, end = asyncio.get_running_loop(), asyncio.Event()\n"
            "    rescue.watch(lambda code: loop.call_soon_threadsafe(end.set), print)\n"
            "    loop.call_soon(os.kill, os.getpid(), signal.SIGTERM)\n"
            "    await end.wait()\n"
            "asyncio.run(app()); sys.exit(9)",
            9,
        ),
        ("rescue.watch(say, print); os.kill(os.getpid(), signal.SIGQUIT); time.sleep(60)", -3),
        (
            "rescue.watch(lambda code: None, print)\n"
            "for _ in range(2): os.kill(os.getpid(), signal.SIGTERM)\n"
            "time.sleep(60)",
            -15,
        ),
    ],
)
def test_the_terminal_is_put_back_however_the_program_ends(run, code: str, exit_code: int) -> None:
    shown: Screen = run(code)
    shown.until("\x1b[23;0t")
    assert shown.end() == exit_code  # which looks at the terminal's modes
    assert restored_once(shown)


def test_what_ends_the_program_is_told_when_the_terminal_is_back(run) -> None:
    shown: Screen = run("rescue.watch(sys.exit, lambda e: say(f'told {e!r}')); raise ValueError('x')")
    assert shown.until("told ValueError('x')").startswith("\x1b[?1049h" + RESTORED)
    assert shown.end() == 1


def test_a_program_that_has_said_good_bye_writes_nothing_more(run) -> None:
    shown: Screen = run(
        "rescue.disarm(); os.write(1, b'\\x1b[?1049l'); modes[3] |= termios.ECHO | termios.ICANON | "
        "termios.ISIG; termios.tcsetattr(0, termios.TCSANOW, modes); say('bye'); "
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    shown.until("bye")
    assert shown.end() == -signal.SIGKILL
    assert not shown.text.count(RESTORED)


def test_the_watchdog_leaves_modes_alone_that_a_shell_has_set_since(tmp_path: Path) -> None:
    """A shell that notices Pi's end first has its own modes; the screen is put back nevertheless."""
    code = BEGIN + (
        "pid = watched(); os.kill(pid, signal.SIGSTOP)\n"
        "say(f'watched by {pid}.')\nos.kill(os.getpid(), signal.SIGKILL)"
    )
    with screen([sys.executable, "-c", code], tmp_path, dict(os.environ)) as shown:
        shown.until("watched by ")
        watchdog = int(shown.until(".").strip("."))
        assert shown.process.wait(30) == -signal.SIGKILL
        own = termios.tcgetattr(shown._slave)
        own[3] = (own[3] | termios.ISIG) & ~termios.ECHO
        termios.tcsetattr(shown._slave, termios.TCSANOW, own)
        os.kill(watchdog, signal.SIGCONT)
        shown.until(RESTORED)
        assert termios.tcgetattr(shown._slave) == own


def test_the_watchdog_ends_with_the_program_and_holds_nothing_of_it(run) -> None:
    shown: Screen = run(
        "pid = watched()\n"
        "kept = sorted(os.readlink(f'/proc/{pid}/fd/{n}') for n in os.listdir(f'/proc/{pid}/fd'))\n"
        "say('kept ' + ' '.join(name.split(':')[0].split('/')[1] if '/' in name else name.split(':')[0]\n"
        "    for name in kept))\n"
        "rescue.close()\n"
        "say(f'there {os.path.exists(f\"/proc/{pid}\")}')\n"
    )
    shown.until("there")
    assert shown.end() == 0
    assert "kept dev pipe\n" in shown.text
    assert "there False\n" in shown.text


def test_there_is_no_watchdog_without_a_terminal_or_beside_threads(tmp_path: Path) -> None:
    code = (
        "import os, threading\n"
        "from pi.modes.tui.terminal.watchdog import Watchdog\n"
        "read, write = os.pipe()\n"
        "print(Watchdog(write, b'').pid)\n"
        "stop = threading.Event(); threading.Thread(target=stop.wait).start()\n"
        "print(Watchdog(0, b'').pid); stop.set()\n"
    )
    with screen([sys.executable, "-c", code], tmp_path, dict(os.environ)) as shown:
        shown.until("0\n0\n")
        assert shown.end() == 0
