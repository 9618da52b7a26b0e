"""What the terminal's tab and dashboards are told: that Pi works, waits, is done or has failed."""

import base64
from collections.abc import Callable
from typing import Literal

from pi.modes.tui.lines import clean

BUSY = "\x1b]9;4;3\x07"
IDLE = "\x1b]9;4;0\x07"
BUSY_AGAIN_S = 5.0  # terminals take an old report for a dead program
STATUS_QUERY = "\x1b]7501;?\x1b\\"
State = Literal["idle", "working", "blocked", "done", "error"]
_MOST = 2048  # bytes of a message

Write = Callable[[str], None]


class Progress:
    """The bar in the terminal's tab (OSC 9;4), for the setting `terminal.showTerminalProgress`."""

    def __init__(self, write: Write, *, enabled: bool) -> None:
        self._write = write
        self.enabled = enabled
        self._busy = False

    def set(self, busy: bool) -> bool:
        """Something runs, or nothing does any more; whether that is news, and told.

        While it runs, `again` is to be called now and then.
        """
        news = self.enabled and busy != self._busy
        if news:
            self._busy = busy
            self._write(BUSY if busy else IDLE)
        return news

    def again(self) -> None:
        """Say again that something runs; every BUSY_AGAIN_S is enough."""
        if self._busy:
            self._write(BUSY)


class ProgramStatus:
    """Reports of the Program Status Protocol (OSC 7501). They never hold prompts or answers.

    Nothing is written before `allow`: the terminal has answered STATUS_QUERY, or PI_PROGRAM_STATUS is "1".
    """

    def __init__(self, write: Write, setting: str | None = None) -> None:
        """`setting` is PI_PROGRAM_STATUS: "1" reports unasked, "0" never; else the terminal is asked."""
        self._write = write
        self._allowed = setting == "1"
        self.query = "" if setting in ("0", "1") else STATUS_QUERY
        self._state: State = "idle"
        self._message = ""
        self._blocking: dict[str, tuple[str, str]] = {}  # by source: kind and title
        self._last = ""
        self._report()

    def allow(self) -> None:
        """The terminal takes reports."""
        if self.query:
            self._allowed = True
            self._report()

    def set(self, state: State, message: str = "") -> None:
        """What goes on: the message is the session's name, or the first line of an error."""
        self._state, self._message = state, message
        self._report()

    def block(self, source: str, title: str, kind: str = "question") -> None:
        """Somebody has to answer; `source` tells one question from another."""
        self._blocking.pop(source, None)
        self._blocking[source] = (kind, title)
        self._report()

    def unblock(self, source: str) -> None:
        """That question is answered."""
        if self._blocking.pop(source, None):
            self._report()

    def _report(self) -> None:
        if self._blocking:
            kind, message = next(reversed(self._blocking.values()))
            sequence = status_sequence("blocked", message, kind)
        else:
            sequence = status_sequence(self._state, self._message)
        if self._allowed and sequence != self._last:
            self._last = sequence
            self._write(sequence)


def status_sequence(state: State, message: str = "", kind: str = "") -> str:
    """One report; the message is cut to its first line, and to what the protocol allows."""
    pairs = [f"state={state}", "app=pi"]
    if kind:
        pairs.append(f"kind={kind}")
    line = clean(next(iter(message.splitlines()), "")).strip()
    data = line.encode("utf-8", "replace")[:_MOST].decode("utf-8", "ignore").encode()
    if data:
        pairs.append(f"msg={base64.b64encode(data).decode()}")
    return f"\x1b]7501;{':'.join(pairs)}\x1b\\"
