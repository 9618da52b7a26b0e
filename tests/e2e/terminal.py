"""A program in a real terminal: what it shows is awaited, what people type is written."""

import codecs
import os
import pty
import select
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

LIMIT_S = 30
# the terminal becomes the program's own, so that Ctrl+C reaches it
OWN = """import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


class Screen:
    def __init__(self, argv: Sequence[str], cwd: Path, env: Mapping[str, str]):
        self._master, self._slave = pty.openpty()
        self.modes = termios.tcgetattr(self._slave)
        self.text = ""  # all that was shown
        self._seen = 0
        self._decode = codecs.getincrementaldecoder("utf-8")().decode
        self.process = subprocess.Popen(
            [sys.executable, "-c", OWN, *argv],
            cwd=cwd,
            env=env,
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            start_new_session=True,
        )

    def until(self, text: str) -> str:
        """What is shown up to that text, since the last call."""
        while (at := self.text.find(text, self._seen)) < 0:
            assert self._more(), f"{text!r} didn't come: {self.text}"
        shown, self._seen = self.text[self._seen : at + len(text)], at + len(text)
        return shown

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def end(self) -> int:
        """The exit code; all that was shown is in `text`, and the terminal has to be as it was."""
        code = self.process.wait(LIMIT_S)
        while select.select([self._master], [], [], 0)[0] and self._more():
            pass
        assert termios.tcgetattr(self._slave) == self.modes
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._master)
        os.close(self._slave)

    def _more(self) -> bool:
        if not select.select([self._master], [], [], LIMIT_S)[0]:
            return False
        data = os.read(self._master, 65536)
        self.text += self._decode(data).replace("\r\n", "\n")
        return bool(data)


@contextmanager
def screen(argv: Sequence[str], cwd: Path, env: Mapping[str, str]) -> Iterator[Screen]:
    opened = Screen(argv, cwd, env)
    try:
        yield opened
    finally:
        opened.close()
