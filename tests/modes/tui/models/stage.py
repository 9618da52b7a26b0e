"""A stage over a real session: panels are answered by keys, what is shown is kept."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any, TypeVar

from msgspec import structs

from pi.harness.session import Session
from pi.harness.ui import NoticeKind
from pi.modes.tui.blocks.block import Block, Look
from pi.modes.tui.keys.key import Key
from pi.modes.tui.keys.keymap import Keymap
from pi.modes.tui.lines import Line, text_of, width_of
from pi.modes.tui.panels.panel import Panel
from pi.modes.tui.theme.sources import Sources
from pi.modes.tui.theme.themes import Themes
from pi.testing import session_with

T = TypeVar("T")
ENTER, ESCAPE, UP, DOWN, TAB, SPACE = (
    Key("enter"),
    Key("escape"),
    Key("up"),
    Key("down"),
    Key("tab"),
    Key("space", " "),
)
BACKSPACE = Key("backspace")


def ctrl(letter: str) -> Key:
    return Key(f"ctrl+{letter}")


Act = Key | str | Callable[[Any], Awaitable[None] | None]
"""A key, a text that is typed, or something to do with the panel."""


class FakeStage:
    """`answers` are those of the panels in their order, each of some acts; a panel without any is left."""

    def __init__(self, session: Session, *answers: Sequence[Act]):
        self.session = session
        self.agent_dir = session.setup.agent_dir
        self.keymap = Keymap.load(Path("/nonexistent"), [])
        self.themes = Themes(Sources(session.setup.agent_dir, session.setup.settings), env={})
        self.look = Look(session.store.cwd)
        self.editor_text = ""
        self.notices: list[tuple[NoticeKind, str]] = []
        self.shown: list[Block] = []
        self.screens: list[str] = []  # of each panel, as it was last
        self.copied: list[str] = []
        self.used_themes: list[str] = []
        self.worked: list[str | None] = []
        self.refreshed = 0
        self.gone = False
        self._answers = list(answers)

    @property
    def told(self) -> list[str]:
        return [text for _, text in self.notices]

    async def ask(self, panel: Panel[T]) -> T | None:
        acts: Sequence[Act] = self._answers.pop(0) if self._answers else (ESCAPE,)
        self.screens.append(screen(panel))
        for act in acts:
            if isinstance(act, Key):
                panel.key(act)
            elif isinstance(act, str):
                for char in act:
                    panel.key(Key(char, char))
            elif (waited := act(panel)) is not None:
                await waited
            if not panel.answer.done():
                self.screens[-1] = screen(panel)
        async with asyncio.timeout(10):
            return await panel.answer

    def notify(self, text: str, kind: NoticeKind = "info") -> None:
        self.notices.append((kind, text))

    def show(self, block: Block) -> None:
        self.shown.append(block)

    def flash(self, text: str) -> None:
        self.notify(text)

    def working(self, text: str | None) -> None:
        self.worked.append(text)

    def rebuild(self) -> None: ...

    def change_look(self, **fields: Any) -> None:
        self.look = structs.replace(self.look, **fields)

    def use_theme(self, name: str) -> None:
        self.themes.use(name)
        self.used_themes.append(name)

    def refresh_settings(self) -> None:
        self.refreshed += 1

    async def copy(self, text: str) -> bool:
        self.copied.append(text)
        return True

    def screen(self) -> list[Line]:
        return []

    async def submit(self, text: str) -> None:
        await self.session.prompt(text)

    def suspended(self) -> AbstractContextManager[None]:
        return nullcontext()

    async def run_program(self, argv: Sequence[str]) -> int:
        return await (await asyncio.create_subprocess_exec(*argv)).wait()

    def quit(self) -> None:
        self.gone = True


def screen(panel: Panel[Any], width: int = 80, height: int = 24) -> str:
    """What a panel shows; also in few cells and lines it must keep to them."""
    for columns, rows in ((40, 8), (20, 4), (width, height)):
        lines = panel.lines(columns, rows)
        assert max(map(width_of, lines)) <= columns
        assert len(lines) <= rows
    return "\n".join(text_of(line).rstrip() for line in lines)


def acme(*ids: str, key: str = "k", **fields: Any) -> dict[str, Any]:
    """A provider of models.json."""
    models = [{"id": id, "name": id.upper(), "contextWindow": 200_000} | fields for id in ids]
    return {"baseUrl": "http://127.0.0.1:1/v1", "api": "openai-completions", "apiKey": key, "models": models}


@asynccontextmanager
async def session_of(
    providers: dict[str, Any] | None = None, settings: dict[str, Any] | None = None, **options: Any
) -> AsyncGenerator[Session]:
    """A session whose models.json has these providers."""
    async with session_with(None, settings=settings, **options) as session:
        if providers is not None:
            write_models(session.setup.agent_dir, providers)
            session.setup.registry.reload()
        yield session


def write_models(agent_dir: Path, providers: dict[str, Any]) -> None:
    (agent_dir / "models.json").write_text(json.dumps({"providers": providers}))


def saved(session: Session) -> dict[str, Any]:
    """What is in the user's settings.json."""
    path = session.setup.agent_dir / "settings.json"
    return json.loads(path.read_text()) if path.exists() else {}
