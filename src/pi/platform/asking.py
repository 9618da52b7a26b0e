"""Questions in the terminal while other work goes on: lines are read aside, and can be called off."""

import asyncio
import os
import re
import sys
from collections.abc import Callable

from pi.platform.terminal import plain, write_all

# Keys that type nothing (arrows, for example), and what a terminal puts around pasted text.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|O.|.)?", re.DOTALL)
_ENTER, _ERASE, _CLEAR, _END = "\r\n", "\x7f\b", "\x15\x17", "\x04"


class Terminal:
    """Stdin and stdout of people. Lines of any length can be pasted, which the terminal itself would cut."""

    def __init__(self) -> None:
        self._ahead = ""  # what was typed or pasted after a line

    @property
    def is_there(self) -> bool:
        """Whether people can see a question and answer it."""
        return os.isatty(0) and os.isatty(1)

    def tell(self, text: str) -> None:
        """A line for people."""
        write_all(1, (plain(text) + "\n").encode("utf-8", "replace"))

    async def ask(self, question: str, *, secret: bool = False) -> str | None:
        """The line that is typed, None for Ctrl+D; nothing `secret` is shown.

        Ended in whatever way, it leaves the terminal as it was.
        """
        if sys.platform == "win32":
            _show(question)
            return await _in_thread(secret)
        return await self._typed(question, secret)

    async def _typed(self, question: str, secret: bool) -> str | None:
        import termios

        line = _Line(show=_hide if secret else _show)
        before = termios.tcgetattr(0)
        mode = [*before]
        mode[3] &= ~(termios.ECHO | termios.ICANON)  # Ctrl+C goes on to be a signal
        mode[6] = [*before[6]]
        mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        try:
            termios.tcsetattr(0, termios.TCSADRAIN, mode)
            _show(question)  # not before: an answer could come while the terminal still echoes
            loop.add_reader(0, ready.set)
            while (rest := line.take(self._ahead)) is None:
                self._ahead = ""
                ready.clear()
                await ready.wait()
                data = os.read(0, 65536)
                if not data:  # the terminal is gone
                    return None
                self._ahead = line.decode(data)
            self._ahead = rest
            return line.text
        finally:
            loop.remove_reader(0)
            termios.tcsetattr(0, termios.TCSADRAIN, before)
            _show("\n")


class _Line:
    """A line while it is typed; `show` echoes it."""

    def __init__(self, show: Callable[[str], None]):
        import codecs

        self.text: str | None = ""
        self._show = show
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def decode(self, data: bytes) -> str:
        return _ESCAPES.sub("", self._decoder.decode(data))

    def take(self, typed: str) -> str | None:
        """Use what was typed; what comes after the line's end, None as long as there is no end."""
        for at, char in enumerate(typed):
            if char in _ENTER:
                return typed[at + 1 :]
            if char == _END and not self.text:
                self.text = None
                return typed[at + 1 :]
            self._put(char)
        return None

    def _put(self, char: str) -> None:
        text = self.text or ""
        if char in _ERASE or char in _CLEAR:
            gone = len(text) if char in _CLEAR else min(1, len(text))
            self.text = text[: len(text) - gone]
            self._show("\b \b" * gone)
        elif plain(char):
            self.text = text + char
            self._show(char)


async def _in_thread(secret: bool) -> str | None:
    """Where a terminal can't be waited for: a cancelled question leaves its thread, which ends with Pi."""
    import threading

    loop = asyncio.get_running_loop()
    answer: asyncio.Future[str | None] = loop.create_future()

    def give(line: str | None) -> None:
        if not answer.done():
            answer.set_result(line)

    def read() -> None:
        from getpass import getpass

        try:
            line = getpass("") if secret else input()
        except (EOFError, KeyboardInterrupt):
            line = None
        if not loop.is_closed():
            loop.call_soon_threadsafe(give, line)

    threading.Thread(target=read, daemon=True).start()
    return await answer


def _hide(text: str) -> None:
    """A secret is not shown."""


def _show(text: str) -> None:
    write_all(1, text.encode("utf-8", "replace"))
