"""A scene becomes a picture: a session of a scripted model, an interface around it, one frame."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from msgspec import Struct

from pi.harness.session import Session
from pi.harness.settings import load_settings
from pi.modes.tui.blocks.block import Look
from pi.modes.tui.frame import compose
from pi.modes.tui.interface import Interface
from pi.modes.tui.keys.keymap import Keymap
from pi.modes.tui.lines import Line
from pi.modes.tui.paint import Painter
from pi.modes.tui.svg import svg
from pi.modes.tui.theme.themes import Themes
from pi.sdk import create_agent_session
from pi.testing import Reply, ScriptedModel
from pi.harness.storage.store import Store


class Scene(Struct, frozen=True):
    """What is done before the picture is taken, and how large and in which theme it is."""

    act: Callable[[Interface], Awaitable[None]]
    replies: tuple[Reply | str, ...] = ()
    files: dict[str, str] = {}
    theme: str = "dark"
    width: int = 100
    height: int = 32


class Still:
    """A display that shows nothing."""

    def wake(self) -> None: ...
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


async def still(scene: Scene) -> str:
    """The SVG of a scene."""
    with TemporaryDirectory() as folder:
        home, project = Path(folder), Path(folder, "shop")
        agent = home / ".pi" / "agent"
        agent.mkdir(parents=True)
        project.mkdir()
        for name, text in scene.files.items():
            place = project / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")
        before = os.environ.get("HOME")
        os.environ["HOME"] = str(home)
        try:
            return await _taken(scene, agent, project)
        finally:
            os.environ["HOME"] = before or ""


async def _taken(scene: Scene, agent: Path, project: Path) -> str:
    model = ScriptedModel(*scene.replies)
    session: Session = await create_agent_session(
        cwd=project, agent_dir=agent, model=model.model, store=Store.in_memory(project)
    )
    clock = [0.0]
    themes = Themes(agent, load_settings(agent, None), wanted=scene.theme)
    interface = Interface(
        session,
        keymap=Keymap.load(agent, []),
        themes=themes,
        look=Look(cwd=project),
        display=Still(),
        agent_dir=agent,
        clock=lambda: clock[0],
    )
    session.subscribe(interface.fold.apply)
    await session.start()
    interface.rebuild()
    await scene.act(interface)
    await asyncio.sleep(0)
    clock[0] += 3.2
    frame = compose(interface, scene.width, scene.height)
    picture = svg(
        frame.rows,
        Painter(themes.current, "truecolor"),
        scene.width,
        foreground=themes.concrete("text"),
        background="#15171c" if themes.current.appearance == "dark" else "#fcfcfa",
    )
    await interface.close()
    await session.close()
    return picture
