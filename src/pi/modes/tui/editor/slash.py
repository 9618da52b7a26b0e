"""Completion of slash commands and of their arguments."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from pi.modes.tui.editor.completions import Item, Spot
from pi.modes.tui.panels.fuzzy import rank
from pi.platform.errors import PiError


class Described(Protocol):
    """What there is to choose: a command's name or an argument is its `value`."""

    @property
    def value(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def description(self) -> str: ...


Found = Sequence[Described]
_SKILL = "skill:"


class SlashNames:
    """`/name` at the start of the prompt."""

    def __init__(self, commands: Callable[[], Found]):
        self._commands = commands

    def wants(self, spot: Spot) -> str | None:
        """All before the cursor, as long as it is one word."""
        before = spot.before
        return before if spot.first and before.startswith("/") and " " not in before else None

    def find(self, spot: Spot, prefix: str) -> Sequence[Item]:
        """The commands that match; a skill also without the word in front of its name."""
        query = prefix[1:]
        found = rank(query, self._commands(), lambda command: _searched(command.value, query))
        return [_item(command) for command in found]


class SlashArguments:
    """What stands behind the name of a command."""

    def __init__(self, arguments: Callable[[str, str], Found | Awaitable[Found]]):
        self._arguments = arguments

    def wants(self, spot: Spot) -> str | None:
        """All behind the space after the name."""
        name, space, rest = spot.before.partition(" ")
        return rest if spot.first and name.startswith("/") and len(name) > 1 and space else None

    def find(self, spot: Spot, prefix: str) -> Sequence[Item] | Awaitable[Sequence[Item]]:
        """What the command says."""
        try:
            found = self._arguments(spot.before.partition(" ")[0][1:], prefix)
        except PiError:  # when the command runs, it will tell
            return []
        return self._later(asyncio.ensure_future(found)) if inspect.isawaitable(found) else _items(found)

    async def _later(self, found: Awaitable[Found]) -> Sequence[Item]:
        try:
            return _items(await found)
        except PiError:
            return []


def _searched(name: str, query: str) -> str:
    name = name.removeprefix("/")
    return name if query.startswith(_SKILL) else name.removeprefix(_SKILL)


def _item(command: Described) -> Item:
    name = command.value.removeprefix("/")
    return Item(f"/{name}", command.label or name, command.description, behind=" ", submits=True)


def _items(found: Found) -> Sequence[Item]:
    return [Item(each.value, each.label or each.value, each.description) for each in found]
