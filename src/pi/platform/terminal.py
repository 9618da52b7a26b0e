"""Writing for people and pipes: whole lines to a file descriptor, nothing that could steer a terminal."""

import os
import re

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # all but tab and newline: ESC, C1 …


def plain(text: str) -> str:
    """Text without control characters, so that no model, tool or server can send escapes to a terminal."""
    return CONTROL.sub("", text)


def write_all(fd: int, data: bytes) -> None:
    """Write everything, unbuffered; raises BrokenPipeError when nobody reads any more."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:  # somebody made the pipe non-blocking: wait until it takes more
            import select

            select.select([], [fd], [])


def say(text: str) -> None:
    """A line on stderr, for people."""
    try:
        write_all(2, (plain(text) + "\n").encode("utf-8", "replace"))
    except OSError:
        pass  # nobody listens, and there is no other place to say it
