"""The terminal as Textual drives it: a descriptor of its own, quick keys, answers to our questions."""

import codecs
import os
import select
from collections.abc import Callable, Mapping
from threading import Event
from time import monotonic
from typing import IO, Any, ClassVar

from msgspec import Struct
from textual import constants
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from pi.modes.tui.keys.sequences import (
    KEYBOARD_OFF,
    KEYBOARD_QUERY,
    KeyboardReport,
    PiParser,
    StatusReport,
)
from pi.modes.tui.terminal.title import RESTORE, SAVE
from pi.modes.tui.theme.queries import NOTIFY_OFF, NOTIFY_ON, Answer, AnswerParser

_ESCAPE_S, _FAR_ESCAPE_S = 0.01, 0.1  # how long what follows an ESC may take: near, and over SSH


def escape_delay(env: Mapping[str, str]) -> float:
    """How long to wait after an ESC before it is the Escape key, in s."""
    given = env.get("PI_TUI_ESC_TIMEOUT", "")
    if given.isdecimal():
        return int(given) / 1000
    return _FAR_ESCAPE_S if env.get("SSH_CONNECTION") or env.get("SSH_TTY") else _ESCAPE_S


class Ties(Struct, frozen=True):
    """What the driver is tied to: `out` is written to, the functions are told what happens."""

    out: IO[str]
    answered: Callable[[list[Answer]], None] = lambda answers: None  # the terminal says what it looks like
    reports: Callable[[], None] = lambda: None  # the terminal takes reports of what goes on
    began: Callable[[], None] = lambda: None  # the terminal is ours; again after each suspension
    ended: Callable[[], None] = lambda: None  # … and is as it was before
    typed: bytes = b""  # what came from the keyboard before there was a driver
    query: str = ""  # to be sent when it begins
    modes: list[Any] | None = None  # the terminal's when other programs have it; None: as it is found


class _Waking(Event):
    """An event that ends a `select`, too."""

    def __init__(self, writer: int) -> None:
        super().__init__()
        self._writer = writer

    def set(self) -> None:
        """Wake whoever waits."""
        super().set()
        os.write(self._writer, b"!")


class PiDriver(LinuxDriver):
    """Reads and writes as Textual's own, but to `ties.out`, with our parser of keys and quicker Escapes."""

    ties: ClassVar[Ties]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)  # pyright: ignore[reportUnknownMemberType]
        self._file = self.ties.out
        self._waker, waking = os.pipe()
        self.exit_event = _Waking(waking)
        self._typed = self.ties.typed

    def _get_terminal_size(self) -> tuple[int, int]:
        try:
            size = os.get_terminal_size(self.ties.out.fileno())  # stdout is none any more
        except OSError:
            return 80, 24
        return size.columns or 80, size.lines or 24

    def start_application_mode(self) -> None:
        super().start_application_mode()
        self.attrs_before = self.ties.modes or self.attrs_before
        self.write(SAVE + NOTIFY_ON + KEYBOARD_QUERY + self.ties.query)
        self.flush()
        self.ties.began()

    def stop_application_mode(self) -> None:
        self.write(KEYBOARD_OFF + NOTIFY_OFF + RESTORE)
        super().stop_application_mode()
        self.ties.ended()

    def process_message(self, message: Message) -> None:
        """What the terminal says of itself is for us, all else for the app. Runs in the input thread."""
        if isinstance(message, KeyboardReport):
            self.write(message.reply)
            self.flush()
        elif isinstance(message, StatusReport):
            self._loop.call_soon_threadsafe(self.ties.reports)
        else:
            super().process_message(message)

    def run_input_thread(self) -> None:
        """Read keys; a lone ESC waits no longer than it must."""
        answers, keys = AnswerParser(), PiParser(self._debug)
        decode = codecs.getincrementaldecoder("utf-8")("replace").decode

        def take(data: bytes) -> None:
            found, rest = answers.feed(decode(data))
            if found:
                self._loop.call_soon_threadsafe(self.ties.answered, found)
            for event in keys.feed(rest) if rest else ():
                self.process_message(event)

        early, self._typed = self._typed, b""
        if early:
            take(early)
        while not self.exit_event.is_set():
            due = keys.due
            wait = None if due is None else max(0.0, due - monotonic())
            ready = select.select([self.fileno, self._waker], [], [], wait)[0]
            if self._waker in ready:
                os.read(self._waker, 16)
            if self.fileno in ready:
                data = os.read(self.fileno, 1 << 16)
                if not data:
                    break  # the terminal is gone: SIGHUP says so, too
                take(data)
            for event in keys.tick():
                self.process_message(event)


def driver_class(ties: Ties) -> type[PiDriver]:
    """A driver for one app."""
    constants.ESCAPE_DELAY = escape_delay(os.environ)  # pyright: ignore[reportAttributeAccessIssue]
    return type("Driver", (PiDriver,), {"ties": ties})
