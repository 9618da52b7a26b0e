"""An interface without a terminal, over a session of a scripted model; what it shows becomes a picture."""

import json
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from msgspec import Struct, structs

from pi.harness.storage.store import Store
from pi.llm.registry import ModelRegistry
from pi.modes.tui.blocks.block import Look
from pi.modes.tui.frame import compose
from pi.modes.tui.interface import Display, Interface
from pi.modes.tui.keys.keymap import Keymap
from pi.modes.tui.lines import Line
from pi.modes.tui.paint import Painter
from pi.modes.tui.svg import svg
from pi.modes.tui.terminal.colors import Depth
from pi.modes.tui.theme.sources import Sources
from pi.modes.tui.theme.themes import Themes
from pi.modes.tui.wiring import Wired, wire
from pi.sdk import create_agent_session
from pi.testing import Reply, ScriptedModel

_GROUNDS = {"dark": ("#dce0e3", "#15181c"), "light": ("#24292e", "#fcfcfa")}  # the terminal's own colours


class Scene(Struct, frozen=True):
    """What is done before the picture is taken, the project's files and the user's, and how large it is."""

    act: Callable[[Interface], Awaitable[None]]
    replies: tuple[Reply | str, ...] = ()
    files: dict[str, str] = {}
    models: dict[str, Any] = {}  # providers, as in models.json
    scope: tuple[str, ...] = ()  # of the models that the selector shows first
    width: int = 100
    height: int = 32


class Still:
    """A display that shows nothing."""

    def wake(self, *, now: bool = False) -> None: ...
    def theme_changed(self) -> None: ...
    def write(self, text: str) -> None: ...
    def stop_process(self) -> None: ...
    def leave(self) -> None: ...

    def rows(self) -> list[Line]:
        return []

    def suspended(self) -> AbstractContextManager[None]:
        return nullcontext()

    async def overlay(self, factory: Any, options: dict[str, Any]) -> Any:
        return None


@asynccontextmanager
async def wired_of(
    model: ScriptedModel,
    home: Path,
    *,
    files: dict[str, str] | None = None,
    models: dict[str, Any] | None = None,
    settings: dict[str, Any] | None = None,
    theme: str = "dark",
    unicode: bool = True,
    display: Display | None = None,
    clock: Callable[[], float] = lambda: 0.0,
    **options: Any,
) -> AsyncGenerator[Wired]:
    """An interface whose user has this home folder, with the project `~/shop` and no keys but its own.

    `options` are those of `create_agent_session`.
    """
    agent, project = home / ".pi" / "agent", home / "shop"
    agent.mkdir(parents=True)
    (agent / "settings.json").write_text(json.dumps(settings or {}), encoding="utf-8")
    (agent / "models.json").write_text(json.dumps({"providers": models or {}}), encoding="utf-8")
    for name, text in {"shop/": "", **(files or {})}.items():
        place = home / name
        (place if name.endswith("/") else place.parent).mkdir(parents=True, exist_ok=True)
        if not name.endswith("/"):
            place.write_text(text, encoding="utf-8")
    before = dict(os.environ)
    for name in ModelRegistry(agent).key_names():
        os.environ.pop(name, None)
    os.environ.update(HOME=str(home), PI_OFFLINE="1", PI_CODING_AGENT_DIR=str(agent))
    try:
        options.setdefault("store", Store.in_memory(project))
        session = await create_agent_session(cwd=project, agent_dir=agent, model=model.model, **options)
        interface = Interface(
            session,
            keymap=Keymap.load(agent, []),
            themes=Themes(Sources(agent, session.setup.settings), wanted=theme, env={}),
            look=Look(cwd=project, unicode=unicode),
            display=display or Still(),
            agent_dir=agent,
            clock=clock,
        )
        wired = wire(interface)
        session.subscribe(wired.fold.apply)
        await session.start()
        interface.footer.update()
        try:
            yield wired
        finally:
            await interface.close()
            await session.close()
    finally:
        os.environ.clear()
        os.environ.update(before)


def picture(interface: Interface, width: int, height: int, depth: Depth = "truecolor") -> str:
    """What the screen shows now, as SVG."""
    themes = interface.themes
    foreground, background = _GROUNDS[themes.current.appearance]
    rows = compose(interface, width, height).rows
    painter = Painter(themes.current, depth, unicode=interface.look.unicode)
    return svg(rows, painter, width, foreground=foreground, background=background)


async def still(scene: Scene) -> str:
    """The SVG of a scene."""
    usage = {"id": "claude-sonnet-4-5", "context_window": 200_000, "reasoning": True}
    model = ScriptedModel(*scene.replies, **usage)
    model.model = structs.replace(model.model, provider="anthropic")
    with TemporaryDirectory(ignore_cleanup_errors=True) as home:
        async with wired_of(
            model,
            Path(home),
            files=scene.files,
            models=scene.models,
            settings={"quietStartup": True, "enabledModels": list(scene.scope)},
        ) as wired:
            await scene.act(wired.interface)
            return picture(wired.interface, scene.width, scene.height)
