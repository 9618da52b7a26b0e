"""Text and values as JSON can carry them and an editor can show them: no escapes, no half characters."""

from typing import Any, cast

import msgspec

from pi.platform.terminal import plain
from pi.tools.paths import well_formed


def shown(text: str) -> str:
    """Text for people."""
    return plain(well_formed(text))


def fenced(text: str, language: str = "") -> str:
    """Text that Markdown shows as it is, whatever is in it."""
    text = shown(text)
    longest = run = 0
    for char in text:
        run = run + 1 if char == "`" else 0
        longest = max(longest, run)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def value(given: Any) -> Any:
    """Any value, such as a tool's arguments or details, as plain JSON."""
    return _well_formed(msgspec.to_builtins(given, enc_hook=str, str_keys=True))


def _well_formed(given: Any) -> Any:
    match given:
        case str():
            return well_formed(given)
        case dict():
            items = cast(dict[Any, Any], given).items()
            return {well_formed(str(name)): _well_formed(each) for name, each in items}
        case list() | tuple():
            return [_well_formed(each) for each in cast(list[Any], given)]
        case _:
            return given
