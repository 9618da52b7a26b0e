"""Textual's key events as keys with the original's names."""

from functools import lru_cache

from textual.events import Key as KeyEvent
from textual.keys import REPLACED_KEYS, key_to_character

from pi.modes.tui.keys.key import Key
from pi.modes.tui.keys.syntax import spell

_NAMES = {"kp_begin": "clear", "return": "enter", "@": "space", "newline": "enter"}


def key_of(event: KeyEvent) -> Key:
    """The key that was pressed, and what it types."""
    character = event.character
    types = character is not None and character.isprintable()
    return Key(_name(event.key), character if types and character is not None else "")


@lru_cache(1024)
def _name(name: str) -> str:
    *modifiers, base = name.split("+")
    if len(base) == 1 and base.isascii() and base.isupper():
        modifiers.append("shift")
    elif base in _NAMES and (modifiers or len(base) > 1):
        base = _NAMES[base]
    elif spell(base) is None:
        base = key_to_character(REPLACED_KEYS.get(base, base)) or base
    written = "+".join([*dict.fromkeys(modifiers), base])
    return spell(written) or written
