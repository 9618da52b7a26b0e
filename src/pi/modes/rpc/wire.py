"""stdin for commands and stdout for records alone: threads read and write, so that nobody has to wait."""

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

from pi.modes.rpc.framing import Splitter, encode
from pi.platform.terminal import write_all

_READ_SIZE = 1 << 16
_WRITE_SIZE = 1 << 16


class Wire:
    """Two pipes. A slow reader stops nothing and loses nothing: records wait in memory, in order."""

    def __init__(self, read_fd: int, write_fd: int):
        self._read_fd = read_fd
        self._write_fd = write_fd
        self._waiting: SimpleQueue[bytes | None] = SimpleQueue()
        self._finished: asyncio.Event | None = None

    @classmethod
    def reserve(cls) -> "Wire":
        """Take this process's stdin and stdout: from now on others read nothing, and print to stderr."""
        if sys.stdout is not None:  # pyright: ignore[reportUnnecessaryComparison] - there may be none
            sys.stdout.flush()
        wire = cls(os.dup(0), os.dup(1))
        if sys.platform == "win32":
            import msvcrt

            for fd in (wire._read_fd, wire._write_fd):
                msvcrt.setmode(fd, os.O_BINARY)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)
        sys.stdout = sys.stderr
        return wire

    def start(self, received: Callable[[bytes | None], None], lost: Callable[[], None]) -> None:
        """Begin: `received` gets each line and None at the end, `lost` is called when nobody reads."""
        loop = asyncio.get_running_loop()
        self._finished = asyncio.Event()
        threading.Thread(target=self._read, args=(loop, received), daemon=True).start()
        threading.Thread(target=self._write, args=(loop, lost, self._finished), daemon=True).start()

    def send(self, record: Any) -> None:
        """Write a record as soon as the reader takes it."""
        self._waiting.put(encode(record))

    async def finish(self, limit_s: float | None) -> None:
        """Return when everything is written, or the limit is over."""
        self._waiting.put(None)
        if self._finished is not None:
            try:
                await asyncio.wait_for(self._finished.wait(), limit_s)
            except TimeoutError:
                pass  # the reader has stopped reading

    def _read(self, loop: asyncio.AbstractEventLoop, received: Callable[[bytes | None], None]) -> None:
        splitter = Splitter()
        try:
            while data := os.read(self._read_fd, _READ_SIZE):
                for line in splitter.add(data):
                    loop.call_soon_threadsafe(received, line)
        except OSError:
            pass  # a stdin that can't be read has ended
        try:
            if (line := splitter.last()) is not None:
                loop.call_soon_threadsafe(received, line)
            loop.call_soon_threadsafe(received, None)
        except RuntimeError:
            pass  # Pi has ended before its stdin

    def _write(
        self, loop: asyncio.AbstractEventLoop, lost: Callable[[], None], finished: asyncio.Event
    ) -> None:
        alive, ended = True, False
        while not ended:
            data, ended = self._next()
            try:
                if alive and data:
                    write_all(self._write_fd, data)
            except OSError:
                alive = False
                loop.call_soon_threadsafe(lost)
        loop.call_soon_threadsafe(finished.set)

    def _next(self) -> tuple[bytes, bool]:
        """What waits, up to a size, and whether that was all there will be."""
        pieces: list[bytes] = []
        size = 0
        piece = self._waiting.get()
        while piece is not None:
            pieces.append(piece)
            size += len(piece)
            if size >= _WRITE_SIZE:
                break
            try:
                piece = self._waiting.get_nowait()
            except Empty:
                break
        return b"".join(pieces), piece is None
