"""Completion of words that begin with a sign that an extension has asked for."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from pi.modes.tui.editor.completions import Item, Spot
from pi.modes.tui.editor.words import last_word


class Triggers:
    """`triggers()` says what completes the words that begin with a key; the word is given as it was typed."""

    def __init__(self, triggers: Callable[[], Mapping[str, Callable[[str], Any]]]):
        self._triggers = triggers

    def wants(self, spot: Spot) -> str | None:
        """The last word, when it begins so."""
        word = last_word(spot.before)
        return word if word and self._completer(word) is not None else None

    def find(self, spot: Spot, prefix: str) -> Sequence[Item] | Awaitable[Sequence[Item]]:
        """What the extension says."""
        completer = self._completer(prefix)
        found = completer(prefix) if completer is not None else ()
        return _later(asyncio.ensure_future(found)) if inspect.isawaitable(found) else _items(found)

    def _completer(self, word: str) -> Callable[[str], Any] | None:
        matching = [(key, run) for key, run in self._triggers().items() if key and word.startswith(key)]
        return max(matching, key=lambda each: len(each[0]))[1] if matching else None


async def _later(found: Awaitable[Any]) -> Sequence[Item]:
    return _items(await found)


def _items(found: Sequence[Any]) -> Sequence[Item]:
    return [Item(str(text), str(text)) for text in found]
