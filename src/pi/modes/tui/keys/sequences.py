"""What a terminal sends, cut into whole sequences and told as Textual's events.

Textual's own parser loses keys that people use (Alt+Enter, Ctrl+Alt+], what tmux sends for Shift+Enter),
fails on alternate keys and on repeats, and types what it doesn't know into the editor. This one cuts by
the grammar of ECMA-48, so that nothing that isn't a key is ever typed, and leaves mouse, focus and
reports to Textual's.
"""

import os
import re
from collections.abc import Iterable, Mapping
from time import monotonic

from textual import constants, events
from textual._xterm_parser import XTermParser
from textual.message import Message

from pi.modes.tui.keys.decoding import decode_key

# Beside what Textual asks for: alternate keys, for layouts without Latin letters.
# Then: does the terminal know the protocol at all?
KEYBOARD_QUERY = "\x1b[=4;2u\x1b[?u\x1b[c"
# For terminals without the Kitty protocol, such as tmux and xterm; and back.
MODIFY_OTHER_KEYS = "\x1b[>4;2m"
KEYBOARD_OFF = "\x1b[>4;0m"

_WHOLE = re.compile(
    r"""
      \x1b \[ (?: \[ \d* [A-Za-z~]                    # Linux console: ESC [ [ A
                | M ...                               # mouse, as it was once
                | [\d;]+ \$                           # rxvt with Shift
                | (?!M) [0-?]* [\x20-/]* [@-Z\\-~] )  # all other control sequences
    | \x1b O \d* [A-Za-z~\x20]                        # keypads and arrows
    | \x1b [\]P_] .*? (?: \x07 | \x1b\\ )             # answers as strings
    | \x1b [^\[\]P_O\x1b]                             # Alt and a key
    | [^\x1b]
    """,
    re.X | re.S,
)
_PART = re.compile(r"\x1b(?:\[(?:\[\d*|M.{0,2}|[0-?]*[\x20-/]*)?|O\d*|[\]P_].*)?", re.S)
_PLAIN = re.compile(r"\x1b(?:\[[A-HZ]|O[A-H]|\[\d+~)")  # what may follow the ESC of Alt
_FOR_TEXTUAL = re.compile(r"\x1b\[(?:[IO]|<\d+;-?\d+;-?\d+[Mm]|\?\d+;\d\$y|48;[\d:;]+t|\d+;\d+R)")
_FLAGS = re.compile(r"\x1b\[\?(\d+)u")
_ATTRIBUTES = re.compile(r"\x1b\[\?[\d;]+c")
_STATUS = re.compile(r"\x1b\]7501;\?[^\x07\x1b]*(?:\x07|\x1b\\)")
_PASTE, _PASTE_END = "\x1b[200~", "\x1b[201~"
_PASTED_CONTROL = re.compile(r"\x1b\[(\d+);5u")  # control characters in what tmux pastes
_MOST_FOR_TEXTUAL = 32  # characters; of more it makes keys
_MOST = 1 << 16  # characters of one sequence
_PAIR_S, _PART_S, _STRING_S = 0.05, 0.25, 1.0  # how long the rest of a sequence may take


class KeyboardReport(Message, bubble=False):
    """The terminal has said whether it knows the Kitty keyboard protocol; `reply` is to be written to it."""

    def __init__(self, *, kitty: bool) -> None:
        super().__init__()
        self.kitty = kitty
        self.reply = "" if kitty else MODIFY_OTHER_KEYS


class StatusReport(Message, bubble=False):
    """The terminal takes reports of what the program does (see `terminal.progress`)."""


class PiParser(XTermParser):
    """Textual's parser of what a terminal sends, with all keys that Pi knows."""

    def __init__(self, debug: bool = False, env: Mapping[str, str] = os.environ) -> None:
        super().__init__(debug)
        self.kitty: bool | None = None  # whether the terminal knows the protocol; None: it hasn't said
        self._rest = ""
        self._pasted: list[str] | None = None
        near = not any(env.get(name) for name in ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY"))
        self._windows = bool(env.get("WT_SESSION")) and near

    def feed(self, data: str) -> Iterable[Message]:
        """What this means so far."""
        self.debug_log(f"FEED {data!r}")
        text, self._rest, self._timeout_time = self._rest + data, "", None
        at: int = 0
        while at < len(text):
            if self._pasted is not None:
                end, pasted = self._paste(text, at)
                at = end
                yield from pasted
                continue
            whole = _WHOLE.match(text, at)
            if whole is not None:
                at = whole.end()
                yield from self._sequence(whole[0])
            elif text.startswith("\x1b\x1b", at) and (after := _WHOLE.match(text, at + 1)) is not None:
                if _PLAIN.fullmatch(after[0]):
                    at = after.end()
                    yield from decode_key(after[0], alt=True)
                else:
                    at += 1
                    yield events.Key("escape", "\x1b")
            elif _PART.fullmatch(text, at + text.startswith("\x1b\x1b", at)) and len(text) - at < _MOST:
                self._rest = text[at:]
                self._timeout_time = monotonic() + _patience(self._rest)
                break
            else:  # it begins like a sequence and doesn't go on like one
                yield from self._given_up(text[at : at + 2])
                at += 2 if text[at + 1 : at + 2] != "\x1b" else 1

    @property
    def due(self) -> float | None:
        """When `tick` is to be called because the rest of a sequence didn't come (s, monotonic)."""
        return self._timeout_time

    def tick(self) -> Iterable[Message]:
        """What is left of a sequence when its end doesn't come: a key, or nothing."""
        if self._timeout_time is not None and monotonic() >= self._timeout_time:
            rest, self._rest, self._timeout_time = self._rest, "", None
            yield from self._given_up(rest)

    def _given_up(self, rest: str) -> Iterable[Message]:
        """The keys in the beginning of a sequence; the beginning of a longer one is dropped."""
        while rest.startswith("\x1b\x1b"):
            yield events.Key("escape", "\x1b")
            rest = rest[1:]
        if rest == "\x1b":
            yield events.Key("escape", "\x1b")
        elif len(rest) == 2:
            yield from decode_key(rest)

    def _paste(self, text: str, at: int) -> tuple[int, list[Message]]:
        """Take what is pasted; the result is where that ends, and the event if all of it is there."""
        assert self._pasted is not None
        end = text.find(_PASTE_END, at)
        if end < 0:
            # the end may have begun
            keep = next((n for n in range(len(_PASTE_END) - 1, 0, -1) if text.endswith(_PASTE_END[:n])), 0)
            keep = min(keep, len(text) - at)
            self._pasted.append(text[at : len(text) - keep])
            self._rest = text[len(text) - keep :]
            return len(text), []
        self._pasted.append(text[at:end])
        pasted, self._pasted = "".join(self._pasted), None
        return end + len(_PASTE_END), [events.Paste(_cleaned(pasted))]

    def _sequence(self, sequence: str) -> Iterable[Message]:
        if sequence == _PASTE:
            self._pasted = []
        elif _FOR_TEXTUAL.fullmatch(sequence):
            if len(sequence) <= _MOST_FOR_TEXTUAL:
                yield from super().feed(sequence)
        elif flags := _FLAGS.fullmatch(sequence):
            self.kitty = known = flags[1] != "0"
            yield KeyboardReport(kitty=known)
        elif _ATTRIBUTES.fullmatch(sequence):
            if self.kitty is None:
                self.kitty = False
                yield KeyboardReport(kitty=False)
        elif _STATUS.fullmatch(sequence):
            yield StatusReport()
        elif sequence == "\b" and self._windows:
            yield events.Key("ctrl+backspace", None)
        elif sequence == "\x1b\r" and self.kitty:
            yield events.Key("shift+enter", None)  # the terminal says Alt+Enter otherwise: people mapped this
        else:
            yield from decode_key(sequence)


def _patience(rest: str) -> float:
    """How long to wait for what follows, in s."""
    if not rest.strip("\x1b"):
        return constants.ESCAPE_DELAY
    if len(rest) == 2:
        return max(constants.ESCAPE_DELAY, _PAIR_S)
    return _PART_S if rest.lstrip("\x1b")[0] in "[O" else _STRING_S


def _cleaned(pasted: str) -> str:
    """What was pasted with line feeds alone, as it was before the terminal changed them."""
    text = _PASTED_CONTROL.sub(lambda match: chr(int(match[1]) & 0x1F) if int(match[1]) < 128 else "", pasted)
    return text.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n")
