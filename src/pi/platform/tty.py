"""The terminal while Pi starts: nothing is echoed, what is typed is kept, and it can be asked things."""

import os
import select
import sys
from typing import Any


class Tty:
    """stdin as a terminal, made quiet until `restore`. Where that can't be done it does nothing."""

    def __init__(self, fd: int = 0):
        self._fd = fd
        self._modes: list[Any] | None = None

    @property
    def modes(self) -> list[Any] | None:
        """Those that `restore` brings back; None where nothing was changed."""
        return self._modes

    def quiet(self) -> None:
        """Echo nothing, and give keys at once; Ctrl+C still ends the program."""
        if sys.platform == "win32":
            return
        import termios

        try:
            self._modes = termios.tcgetattr(self._fd)
            quiet = termios.tcgetattr(self._fd)
            quiet[0] &= ~termios.ICRNL  # Enter stays Enter
            quiet[3] &= ~(termios.ECHO | termios.ICANON)
            termios.tcsetattr(self._fd, termios.TCSANOW, quiet)
        except termios.error:
            self._modes = None

    def ask(self, question: str) -> None:
        """Send escape sequences; what they are answered comes with what is typed."""
        if self._modes is not None:
            os.write(1, question.encode())

    def read(self, wait_s: float = 0.0) -> bytes:
        """What has come so far; waits a moment for the first of it."""
        data = b""
        while self._modes is not None and select.select([self._fd], [], [], wait_s if not data else 0)[0]:
            piece = os.read(self._fd, 1 << 16)
            if not piece:
                break
            data += piece
        return data

    def restore(self) -> None:
        """Leave the terminal as it was."""
        if self._modes is not None and sys.platform != "win32":
            import termios

            termios.tcsetattr(self._fd, termios.TCSANOW, self._modes)
            self._modes = None
