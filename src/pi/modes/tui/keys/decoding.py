"""One sequence of a terminal as the key events that it means, named as Textual names keys."""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from textual.events import Key
from textual.keys import KEY_NAME_REPLACEMENTS

_LONGEST = 64  # characters of a key with all its parts
_SHIFT, _ALT, _CTRL, _SUPER, _OTHER = 1, 2, 4, 8, 16 | 32
_LOCKS = 64 | 128
# \x1b [ code : shifted : base ; modifiers : event ; text END
_CSI = re.compile(
    r"\x1b\[(?P<code>\d*)(?::(?P<shifted>\d*))?(?::(?P<base>\d*))?"
    r"(?:;(?P<modifiers>\d*)(?::(?P<event>\d+))?)?(?:;(?P<text>[\d:]*))?(?P<end>[~A-Za-z^@$])"
)
_OTHER_KEYS = re.compile(r"\x1b\[27;(\d+);(\d+)~")
# fmt: off
_LETTERED = {
    "A": "up", "B": "down", "C": "right", "D": "left", "E": "kp_begin", "F": "end", "H": "home",
    "P": "f1", "Q": "f2", "R": "f3", "S": "f4",
}
_NUMBERED = {
    1: "home", 2: "insert", 3: "delete", 4: "end", 5: "pageup", 6: "pagedown", 7: "home", 8: "end",
    11: "f1", 12: "f2", 13: "f3", 14: "f4", 15: "f5", 17: "f6", 18: "f7", 19: "f8", 20: "f9", 21: "f10",
    23: "f11", 24: "f12",
}
_KEYPAD_KEYS = (
    *"0123456789./*-+", "enter", "=", ",", "left", "right", "up", "down", "pageup", "pagedown", "home", "end",
    "insert", "delete", "kp_begin",
)
_CODED = dict(enumerate(_KEYPAD_KEYS, 57399)) | {
    8: "backspace", 9: "tab", 13: "enter", 27: "escape", 32: "space", 127: "backspace",
}
# fmt: on
_PRIVATE = range(57344, 63744)  # keys that Kitty gives codes of their own: media keys, modifiers alone
_CHARACTERS = {"tab": "\t", "enter": "\r", "escape": "\x1b", "space": " ", "backspace": "\x7f"}
_EXACT = {
    "\x00": "ctrl+@",
    "\x08": "backspace",
    "\x09": "tab",
    "\x0d": "enter",
    "\x1b": "escape",
    "\x1c": "ctrl+backslash",
    "\x1d": "ctrl+right_square_bracket",
    "\x1e": "ctrl+circumflex_accent",
    "\x1f": "ctrl+underscore",
    "\x20": "space",
    "\x7f": "backspace",
    "\x1b[Z": "shift+tab",
    "\x1b\t": "shift+tab",  # Linux console
    "\x1b[~": "shift+tab",  # Windows console
    "\x1bOM": "enter",
    "\x1bOe": "ctrl+kp_begin",
    "\x1b[e": "shift+kp_begin",
}
_CONSOLE = dict(zip("ABCDE", ("f1", "f2", "f3", "f4", "f5"), strict=True)) | {
    "5~": "pageup",
    "6~": "pagedown",
}
_KEYPAD = dict(zip("jklmnopqrstuvwxyX", "*+,-./0123456789=", strict=True))
_LOWER = {
    "a": "up",
    "b": "down",
    "c": "right",
    "d": "left",
}  # rxvt: with Shift after CSI, with Ctrl after SS3


def decode_key(sequence: str, *, alt: bool = False) -> Sequence[Key]:
    """The events of one whole sequence; none if it is no key. `alt`: an ESC has come before it."""
    return [Key(name, character) for name, character in _decode(sequence, alt)]


@lru_cache(1024)
def _decode(sequence: str, alt: bool) -> tuple[tuple[str, str | None], ...]:
    held = _ALT if alt else 0
    if len(sequence) > _LONGEST:
        return ()
    if (name := _EXACT.get(sequence)) is not None:
        return ((_joined(name, held), None if alt else _CHARACTERS.get(name)),)
    if len(sequence) == 1:
        return _byte(sequence, held)
    if len(sequence) == 2:
        (name, _), *_ = _decode(sequence[1], False) or (("", None),)
        return ((_joined(_with_shift(name), _ALT), None),) if name else ()
    if sequence.startswith("\x1b["):
        return _control(sequence, held)
    if sequence.startswith("\x1bO") and len(sequence) > 2:
        return _keypad(sequence[2:], held)
    return ()


def _byte(character: str, held: int) -> tuple[tuple[str, str | None], ...]:
    code = ord(character)
    if code < 32:
        return ((_joined(chr(code + 96), held | _CTRL), character),)
    if 0x80 <= code < 0xA0:
        return ()
    return ((_joined(_named(character), held), character),)


def _keypad(rest: str, held: int) -> tuple[tuple[str, str | None], ...]:
    """What follows ESC O: arrows, the first function keys, and the keypad."""
    end, given = rest[-1], rest[:-1]
    if given:
        held |= max(0, int(given) - 1) & ~_LOCKS
    if end in _LOWER:
        return ((_joined(_LOWER[end], held | _CTRL), None),)
    if end in _KEYPAD:
        return ((_joined(_named(_KEYPAD[end]), held), None if held else _KEYPAD[end]),)
    return ((_joined(_LETTERED[end], held), None),) if end in _LETTERED else ()


def _control(sequence: str, held: int) -> tuple[tuple[str, str | None], ...]:
    if sequence.startswith("\x1b[["):
        name = _CONSOLE.get(sequence[3:])
        return ((_joined(name, held), None),) if name else ()
    if other := _OTHER_KEYS.fullmatch(sequence):  # xterm's modifyOtherKeys
        return _extended(int(other[2]), None, None, int(other[1]) - 1, "")
    match = _CSI.fullmatch(sequence)
    if match is None or match["event"] == "3":  # the key is let go
        return ()
    code, end = int(match["code"] or 1), match["end"]
    modifiers = max(0, int(match["modifiers"] or 1) - 1) | held
    if end == "u":
        return _extended(
            code, _number(match["shifted"]), _number(match["base"]), modifiers, match["text"] or ""
        )
    name = _NUMBERED.get(code) if end in "~$^@" else _LETTERED.get(end)
    if end in _LOWER:
        name, modifiers = _LOWER[end], modifiers | _SHIFT
    elif end in "$^@":  # rxvt
        modifiers |= {"$": _SHIFT, "^": _CTRL, "@": _SHIFT | _CTRL}[end]
    elif end in "ABCD" and code > 1:  # tmux and the Emacs terminal give modifiers first
        modifiers |= code - 1
    if name is None or modifiers & _OTHER:
        return ()
    return ((_joined(name, modifiers), None),)


def _extended(
    code: int, shifted: int | None, base: int | None, modifiers: int, texts: str
) -> tuple[tuple[str, str | None], ...]:
    """A key as the Kitty protocol tells it."""
    text = "".join(chr(int(part)) for part in texts.split(":") if part and int(part) < 0x110000)
    text = "".join(character for character in text if character.isprintable())
    modifiers &= ~_LOCKS
    if len(text) > 1 or (text and not code):  # what an input method has composed
        return tuple((_named(character), character) for character in text)
    if modifiers & _OTHER or code >= 0x110000:
        return ()
    if (name := _CODED.get(code)) is not None:
        return (_special(name, modifiers, text),)
    if code in _PRIVATE or not chr(code).isprintable():
        return ((_named(text), text),) if text else ()
    return (_character(chr(code), _chr(shifted), _chr(base), modifiers, text),)


def _special(name: str, modifiers: int, text: str) -> tuple[str, str | None]:
    """A key with a name, or one of the keypad."""
    types = name if len(name) == 1 else " " if name == "space" else ""
    if types and not modifiers & (_CTRL | _ALT | _SUPER):
        return (_named(types) if len(name) == 1 else _joined(name, modifiers)), text or types
    character = None if modifiers else _CHARACTERS.get(name)
    return _joined(_named(name) if len(name) == 1 else name, modifiers), character


def _character(plain: str, shifted: str, base: str, modifiers: int, text: str) -> tuple[str, str | None]:
    """A key that types. `plain` is what it types alone, `base` what stands there on a Latin keyboard."""
    commands = modifiers & (_CTRL | _ALT | _SUPER)
    if commands and text and modifiers & _ALT and text.lower() not in (plain.lower(), shifted.lower()):
        return _named(text), text  # Option or AltGr, which have made another character
    if modifiers & _SHIFT and not text and not commands:
        text = shifted or (plain.upper() if plain.isalpha() else plain)
    if commands:
        text = ""
    elif not text:
        text = plain
    key = plain
    if not plain.isascii() and base.isascii() and base:
        key = base
    elif modifiers & _SHIFT and not key.isalpha() and (shifted or (text and text != plain)):
        key, modifiers = (shifted or text), modifiers & ~_SHIFT
    if not key.isalpha() and modifiers == _SHIFT and text == key:
        modifiers = 0  # a symbol that is told with the Shift that makes it
    if not commands and text and text.lower() == key.lower():
        return _named(text), text
    return _joined(_named(key.lower()), modifiers), text or None


def _with_shift(name: str) -> str:
    return f"shift+{name.lower()}" if len(name) == 1 and name.isupper() else name


def _joined(name: str, modifiers: int) -> str:
    """The name with its modifiers, in the order that Textual has them."""
    *given, base = name.split("+")
    bits = (("alt", _ALT), ("ctrl", _CTRL), ("shift", _SHIFT), ("super", _SUPER))
    return "+".join([*(word for word, bit in bits if modifiers & bit or word in given), base])


@lru_cache(1024)
def _named(character: str) -> str:
    """Textual's name of a character: itself if it is a letter or digit."""
    if character.isalnum():
        return character
    name = unicodedata.name(character, character).lower().replace("-", "_").replace(" ", "_")
    return KEY_NAME_REPLACEMENTS.get(name, name)


def _number(text: str | None) -> int | None:
    return int(text) if text else None


def _chr(code: int | None) -> str:
    character = chr(code) if code is not None and code < 0x110000 else ""
    return character if character.isprintable() else ""
