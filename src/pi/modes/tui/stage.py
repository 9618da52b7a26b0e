"""What slash commands, pickers and extensions can do with the terminal interface."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pi.harness.session import Session
from pi.harness.ui import NoticeKind
from pi.modes.tui.blocks.block import Block, Look
from pi.modes.tui.keys.keymap import Keymap
from pi.modes.tui.lines import Line
from pi.modes.tui.panels.panel import Panel
from pi.modes.tui.theme.themes import Themes

T = TypeVar("T")


class Stage(Protocol):
    """The app as its parts see it."""

    @property
    def session(self) -> Session: ...
    @property
    def agent_dir(self) -> Path: ...
    @property
    def keymap(self) -> Keymap: ...
    @property
    def themes(self) -> Themes: ...
    @property
    def look(self) -> Look: ...

    async def ask(self, panel: Panel[T]) -> T | None:
        """Show a panel in the place of the editor and wait for its answer; panels stack."""
        ...

    def notify(self, text: str, kind: NoticeKind = "info") -> None:
        """A line for people, at the end of the transcript; never saved, never sent."""
        ...

    def flash(self, text: str) -> None:
        """A few words that go away by themselves."""
        ...

    def show(self, block: Block) -> None:
        """Something longer for people, likewise."""
        ...

    def working(self, text: str | None) -> None:
        """Say what takes its time, such as "Sharing…"; None takes it away."""
        ...

    def rebuild(self) -> None:
        """Draw the transcript anew from the session, after it has moved or has become another."""
        ...

    def change_look(self, **fields: Any) -> None:
        """Other values for fields of the look."""
        ...

    def use_theme(self, name: str) -> None:
        """Another theme, by name or "light/dark". Raises ConfigError when there is no such theme."""
        ...

    def refresh_settings(self) -> None:
        """Read again what the screen takes from settings and keybindings."""
        ...

    @property
    def editor_text(self) -> str: ...
    @editor_text.setter
    def editor_text(self, text: str) -> None: ...

    def screen(self) -> list[Line]:
        """The rows that are on the screen now."""
        ...

    async def submit(self, text: str) -> None:
        """As if the user had typed it and pressed Enter."""
        ...

    def suspended(self) -> AbstractContextManager[None]:
        """The terminal as a program outside needs it, for as long as the context lasts."""
        ...

    async def copy(self, text: str) -> bool:
        """Put a text on the clipboard; whether some way has worked."""
        ...

    async def run_program(self, argv: Sequence[str]) -> int:
        """Run a program in this terminal, such as an editor; its exit code."""
        ...

    def quit(self) -> None:
        """End Pi."""
        ...
