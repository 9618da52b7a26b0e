"""A program in tmux, as people see it: keys go in, the screen comes out."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from uuid import uuid4

LIMIT_S = float(os.environ.get("PI_TEST_LIMIT_S", "30"))
TERMINAL = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}


class Tmux:
    """One session on a server of its own; `text` is the screen, without colours."""

    def __init__(
        self, argv: Sequence[str], cwd: Path, env: Mapping[str, str], *, width: int = 100, height: int = 30
    ):
        self._socket = f"pi-{uuid4().hex[:8]}"
        words = ["env", "-i", *(f"{name}={value}" for name, value in (TERMINAL | dict(env)).items()), *argv]
        self._run(
            "-f", "/dev/null", "new-session", "-d", "-x", str(width), "-y", str(height), "-c", str(cwd), "cat"
        )
        for option, value in (("remain-on-exit", "on"), ("status", "off")):
            self._run("set-option", "-g", option, value)
        self._run("set-option", "-s", "escape-time", "0")
        self._run("respawn-pane", "-k", "-c", str(cwd), shlex.join(words))

    @property
    def text(self) -> str:
        return self._run("capture-pane", "-p")

    @property
    def rows(self) -> list[str]:
        return self.text.split("\n")[:-1]

    @property
    def coloured(self) -> str:
        return self._run("capture-pane", "-p", "-e")

    @property
    def scrolled(self) -> str:
        """What has scrolled out of the normal screen, too."""
        return self._run("capture-pane", "-p", "-S", "-")

    def until(self, wanted: str | Callable[[str], object], *, limit: float = LIMIT_S) -> str:
        """The screen as soon as it shows the text, or is as the function wants it."""
        end = time.monotonic() + limit
        while True:
            shown = self.text
            if wanted in shown if isinstance(wanted, str) else wanted(shown):
                return shown
            assert time.monotonic() < end, f"{wanted!r} never came:\n{shown}"
            time.sleep(0.02)

    def gone(self, text: str) -> str:
        """The screen as soon as it shows the text no longer."""
        return self.until(lambda shown: text not in shown)

    def type(self, text: str) -> None:
        self._run("send-keys", "-l", "--", text)

    def press(self, *keys: str) -> None:
        """Keys by tmux's names, such as Enter, Escape, C-c, M-Enter, PageUp."""
        self._run("send-keys", *keys)

    def say(self, text: str) -> None:
        self.type(text)
        self.press("Enter")

    def paste(self, text: str) -> None:
        self._run("set-buffer", text)
        self._run("paste-buffer", "-p")

    def paste_file(self, path: Path) -> None:
        """Paste more than fits on a command line."""
        self._run("load-buffer", str(path))
        self._run("paste-buffer", "-p")

    def resize(self, width: int, height: int) -> None:
        self._run("resize-window", "-x", str(width), "-y", str(height))

    def ask(self, name: str) -> str:
        """A variable of the pane, such as alternate_on or cursor_x."""
        return self._run("display-message", "-p", f"#{{{name}}}").strip()

    def awaits(self, name: str, value: str) -> str:
        """The value, once a variable of the pane has it."""
        self.until(lambda _: self.ask(name) == value)
        return value

    def clipboard(self) -> None:
        """Be a terminal that takes texts for its clipboard: `copied` is the last of them."""
        self._run("set-option", "-s", "set-clipboard", "on")

    def copied(self) -> str:
        return self._run("show-buffer") if self._run("list-buffers") else ""

    def ended(self) -> int:
        """The exit code, once the program has ended; 128 + N where a signal ended it."""
        found = ""

        def over(_: str) -> bool:
            nonlocal found
            dead, found = (
                self.ask("pane_dead"),
                self.ask("?pane_dead,#{pane_dead_status} #{pane_dead_signal},"),
            )
            if dead == "1" and not found:
                os.kill(int(self.ask("pid")), signal.SIGCHLD)  # tmux misses one now and then
            return bool(found)

        self.until(over)
        return int(found) if found.isdecimal() else 128 + int(re.sub(r"\D", "", found))

    @property
    def pid(self) -> int:
        return int(self.ask("pane_pid"))

    def close(self) -> None:
        subprocess.run(["tmux", "-L", self._socket, "kill-server"], capture_output=True, check=False)

    def _run(self, *words: str) -> str:
        done = subprocess.run(
            ["tmux", "-L", self._socket, *words],
            capture_output=True,
            text=True,
            check=False,
            env={
                "PATH": os.environ["PATH"],
                "HOME": "/nonexistent",
                "TMUX_TMPDIR": os.environ.get("TMPDIR", "/tmp"),
                **TERMINAL,
            },
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def there() -> bool:
    """Whether this machine has tmux."""
    return shutil.which("tmux") is not None


def editor(shown: str) -> str:
    """What stands between the borders of Pi's editor."""
    between = re.split("(?:─{30,}|-{30,})\n", shown)
    return "\n".join(line.strip() for line in between[-2].splitlines()) if len(between) > 2 else ""
