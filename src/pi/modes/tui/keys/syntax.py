"""How keys are written: which names there are, and one spelling for each key."""

import re
from functools import lru_cache

_MODIFIERS = ("ctrl", "shift", "alt", "super")
_NAMED = {
    name.lower(): name
    for name in (
        *("escape", "enter", "tab", "space", "backspace", "delete", "insert", "clear", "home", "end"),
        *("pageUp", "pageDown", "up", "down", "left", "right"),
        *(f"f{number}" for number in range(1, 13)),
        *"abcdefghijklmnopqrstuvwxyz0123456789",
        *"`-=[]\\;',./!@#$%^&*()_+|~{}:<>?",
    )
} | {"esc": "escape", "return": "enter"}
_PARTS = re.compile(r"((?:(?:ctrl|shift|alt|super)\+)*)(.+)", re.I | re.S)


@lru_cache(1024)
def spell(key: str) -> str | None:
    """The one spelling of a key, such as "ctrl+shift+p" for "shift+ctrl+P"; None if there is no such key."""
    match = _PARTS.fullmatch(key)
    if match is None or (base := _NAMED.get(match[2].lower())) is None:
        return None
    given = match[1].lower().split("+")[:-1]
    if len(set(given)) < len(given):
        return None
    if base == "_" and "ctrl" in given:
        base = "-"  # one byte means both, for a terminal without extended keys
    return "+".join([name for name in _MODIFIERS if name in given] + [base])
