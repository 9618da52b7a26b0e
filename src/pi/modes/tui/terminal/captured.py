"""What others print while the screen is ours: kept from it, and told line by line."""

import asyncio
import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import IO

from pi.modes.tui.lines import clean


class Captured:
    """From `take` to `give_back`, stdout and stderr lead into a pipe, and `out` is the terminal."""

    def __init__(self) -> None:
        self._saved: list[tuple[int, int]] = []
        self._reader = -1
        self._rest = b""
        self.out: IO[str] | None = None

    def take(self) -> IO[str]:
        """The terminal as a file; nothing else writes to it from now on, whatever calls it stdout."""
        self._reader, writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(writer, False)  # who prints much loses some of it, and never waits for us
        self._saved = [(number, os.dup(number)) for number in (1, 2)]
        self.out = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace", newline="")
        sys.stdout.flush()
        for number, _ in self._saved:
            os.dup2(writer, number)
        os.close(writer)
        return self.out

    def listen(self, told: Callable[[str], None]) -> None:
        """Tell each line that is printed, in the event loop."""
        asyncio.get_running_loop().add_reader(self._reader, self._read, told)

    @contextmanager
    def lent(self) -> Generator[None]:
        """stdout and stderr are the terminal for a while, as another program wants them."""
        pipes = [(number, os.dup(number)) for number, _ in self._saved]
        for number, saved in self._saved:
            os.dup2(saved, number)
        try:
            yield
        finally:
            for number, pipe in pipes:
                os.dup2(pipe, number)
                os.close(pipe)

    def give_back(self, *, listening: bool = True) -> None:
        """stdout and stderr are the terminal again."""
        if listening:
            asyncio.get_running_loop().remove_reader(self._reader)
        for number, saved in self._saved:
            os.dup2(saved, number)
            os.close(saved)
        os.close(self._reader)
        self._saved = []

    def _read(self, told: Callable[[str], None]) -> None:
        try:
            data = self._rest + os.read(self._reader, 1 << 16)
        except BlockingIOError:
            return
        *lines, self._rest = data.split(b"\n")
        for line in lines:
            if text := clean(line.decode("utf-8", "replace")).strip():
                told(text)
