"""A key press, named as the original names it."""

from typing import NamedTuple


class Key(NamedTuple):
    """One key: `name` such as "ctrl+shift+p", "enter" or "a"; `text` is what it types, if anything."""

    name: str
    text: str = ""
