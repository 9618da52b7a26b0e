"""stdin for commands and stdout for records alone: threads do what the event loop would have to wait for."""

import asyncio
import os
import select
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

from pi.harness.framing import Splitter, encode
from pi.platform.terminal import write_all

_READ_SIZE = 1 << 16
_WRITE_SIZE = 1 << 16
_AT_ONCE: int = getattr(select, "PIPE_BUF", 0)  # bytes that a pipe with room takes without waiting, if known


class Wire:
    """Two pipes. A slow reader stops nothing and loses nothing: records wait in memory, in order."""

    def __init__(self, read_fd: int, write_fd: int):
        self._read_fd = read_fd
        self._write_fd = write_fd
        self._splitter = Splitter()
        self._waiting: SimpleQueue[bytes | None] = SimpleQueue()
        self._handed = 0  # records to the thread that writes; counted by the loop alone
        self._done = 0  # of these; counted by that thread alone
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
        try:
            loop.add_reader(self._read_fd, self._readable, loop, received)
        except (NotImplementedError, OSError):  # a file, or Windows: there the loop can't wait for it
            threading.Thread(target=self._read, args=(loop, received), daemon=True).start()
        threading.Thread(target=self._write, args=(loop, lost, self._finished), daemon=True).start()

    def send(self, record: Any) -> None:
        """Write a record as soon as the reader takes it."""
        self._hand_over(encode(record))

    def answer(self, record: Any) -> None:
        """As `send`, but without the way through a thread while nothing waits and the reader has room.

        It takes a third of the time. Events come in swarms: many in one write are cheaper there.
        """
        data = encode(record)
        if self._handed == self._done and len(data) <= _AT_ONCE:
            data = data[self._write_now(data) :]
        if data:
            self._hand_over(data)

    async def finish(self, limit_s: float | None) -> None:
        """Return when everything is written, or the limit is over."""
        self._waiting.put(None)
        if self._finished is not None:
            try:
                await asyncio.wait_for(self._finished.wait(), limit_s)
            except TimeoutError:
                pass  # the reader has stopped reading

    def _readable(self, loop: asyncio.AbstractEventLoop, received: Callable[[bytes | None], None]) -> None:
        try:
            data = os.read(self._read_fd, _READ_SIZE)
        except BlockingIOError:
            return  # somebody who has the same stdin was faster
        except OSError:
            data = b""  # a stdin that can't be read has ended
        if not data:
            loop.remove_reader(self._read_fd)
        self._take(data, received)

    def _read(self, loop: asyncio.AbstractEventLoop, received: Callable[[bytes | None], None]) -> None:
        try:
            while data := os.read(self._read_fd, _READ_SIZE):
                loop.call_soon_threadsafe(self._take, data, received)
        except OSError:
            pass  # a stdin that can't be read has ended
        except RuntimeError:
            return  # Pi has ended before its stdin
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(self._take, b"", received)

    def _take(self, data: bytes, received: Callable[[bytes | None], None]) -> None:
        """Pass on the lines that are complete; no data is the end."""
        for line in self._splitter.add(data):
            received(line)
        if not data:
            if (line := self._splitter.last()) is not None:
                received(line)
            received(None)

    def _hand_over(self, data: bytes) -> None:
        self._handed += 1
        self._waiting.put(data)

    def _write_now(self, data: bytes) -> int:
        """How many bytes could be written without waiting; what is wrong is told by the thread."""
        try:
            ready = select.select((), (self._write_fd,), (), 0)[1]
            return os.write(self._write_fd, data) if ready else 0
        except (OSError, ValueError):
            return 0

    def _write(
        self, loop: asyncio.AbstractEventLoop, lost: Callable[[], None], finished: asyncio.Event
    ) -> None:
        alive, ended = True, False
        while not ended:
            data, count, ended = self._next()
            try:
                if alive and data:
                    write_all(self._write_fd, data)
            except OSError:
                alive = False
                loop.call_soon_threadsafe(lost)
            self._done += count
        loop.call_soon_threadsafe(finished.set)

    def _next(self) -> tuple[bytes, int, bool]:
        """What waits, up to a size, how many records that are, and whether that was all there will be."""
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
        return b"".join(pieces), len(pieces), piece is None
