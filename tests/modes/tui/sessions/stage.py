"""A stage without a screen: panels are answered by keys that a test gives, and what is shown is kept."""

from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import structs

from pi.harness.session import Session
from pi.harness.ui import NoticeKind
from pi.modes.tui.blocks.block import Block, Look
from pi.modes.tui.keys.key import Key
from pi.modes.tui.keys.keymap import Keymap
from pi.modes.tui.lines import text_of, width_of
from pi.modes.tui.panels.panel import Panel

if TYPE_CHECKING:
    from pi.modes.tui.theme.themes import Themes

KEYMAP = Keymap({})
Answer = Sequence[str] | Callable[[Any], Awaitable[None]]


def press(panel: Panel[Any], *keys: str) -> None:
    """Press keys by name; "'some text" types it."""
    for key in keys:
        if key.startswith("'"):
            for char in key[1:]:
                panel.key(Key("space" if char == " " else char, char))
        else:
            panel.key(Key(key, key if len(key) == 1 else ""))


def shown(panel: Panel[Any], width: int = 80, height: int = 30) -> list[str]:
    """What a panel shows, without its frame, and without spaces at the ends."""
    lines = panel.lines(width, height)
    assert len(lines) <= height
    assert all(width_of(line) <= width for line in lines)
    return [text_of(line).rstrip() for line in lines]


class FakeStage:
    """Each panel gets the next of the answers: keys, or an async function that takes the panel."""

    def __init__(self, session: Session, *answers: Answer):
        self.session = session
        self.keymap = KEYMAP
        self.look = Look(cwd=session.store.cwd)
        self.answers = list(answers)
        self.notices: list[tuple[str, NoticeKind]] = []
        self.blocks: list[Block] = []
        self.work: list[str | None] = []
        self.rebuilt = 0
        self.refreshed = 0
        self.clipboard: list[str] = []
        self.has_clipboard = True
        self.ended = False
        self.editor_text = ""

    @property
    def agent_dir(self) -> Path:
        return self.session.setup.agent_dir

    @property
    def themes(self) -> "Themes":
        from pi.modes.tui.theme.sources import Sources
        from pi.modes.tui.theme.themes import Themes

        return Themes(Sources(self.agent_dir, self.session.setup.settings))

    async def ask(self, panel: Panel[Any]) -> Any:
        assert self.answers, f"nobody answers: {shown(panel)}"
        answer = self.answers.pop(0)
        shown(panel)
        if callable(answer):
            await answer(panel)
        else:
            press(panel, *answer)
        return await panel.answer

    def notify(self, text: str, kind: NoticeKind = "info") -> None:
        self.notices.append((text, kind))

    def show(self, block: Block) -> None:
        self.blocks.append(block)

    def flash(self, text: str) -> None:
        self.notify(text)

    def working(self, text: str | None) -> None:
        self.work.append(text)

    def rebuild(self) -> None:
        self.rebuilt += 1

    def change_look(self, **fields: Any) -> None:
        self.look = structs.replace(self.look, **fields)

    def use_theme(self, name: str) -> None:
        raise NotImplementedError

    def refresh_settings(self) -> None:
        self.refreshed += 1

    async def submit(self, text: str) -> None:
        raise NotImplementedError

    @contextmanager
    def suspended(self) -> Generator[None]:
        yield

    async def copy(self, text: str) -> bool:
        self.clipboard.append(text)
        return self.has_clipboard

    async def run_program(self, argv: Sequence[str]) -> int:
        raise NotImplementedError

    def quit(self) -> None:
        self.ended = True
