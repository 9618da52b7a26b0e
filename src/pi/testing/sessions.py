"""Sessions of a scripted model: by hand around some tools, or whole with an extension in them."""

import json
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from pi.agent.guard import StreamGuard
from pi.agent.tool import Tool
from pi.harness.models.health import Health
from pi.harness.session import Session
from pi.harness.settings import Settings
from pi.harness.state import Setup
from pi.harness.storage.store import Store
from pi.harness.system_prompt import build_sections
from pi.harness.toolbox import Toolbox
from pi.llm.messages import ThinkingLevel
from pi.llm.protocols.faux import Reply, ReplyOf
from pi.llm.registry import ModelRegistry
from pi.platform.errors import PiError
from pi.testing.scripted import ScriptedModel

if TYPE_CHECKING:
    from pi.harness.ui import UI

ExtensionUnderTest = Callable[[Any], Any] | Path | str | None


def make_session(
    scripted: ScriptedModel,
    *,
    cwd: Path,
    tools: Sequence[Tool] = (),
    store: Store | None = None,
    settings: dict[str, Any] | None = None,
    level: ThinkingLevel = "off",
    guard: StreamGuard | None = None,
    long_lived: bool = False,
) -> Session:
    """A session of a scripted model in `cwd`; without a store it is saved nowhere, no user's file is read."""
    setup = Setup(
        registry=ModelRegistry(cwd / ".agent"),
        settings=Settings(settings),
        toolbox=Toolbox.of(tools),
        sections=lambda active: build_sections(cwd=cwd, tools=active, docs=Path("docs")),
        agent_dir=cwd / ".agent",
        health=Health(cwd / ".agent"),
        guard=guard,
        long_lived=long_lived,
    )
    return Session(store or Store.in_memory(cwd), scripted.model, level, setup)


@asynccontextmanager
async def session_with(
    extension: ExtensionUnderTest,
    *replies: Reply | str | ReplyOf,
    model: ScriptedModel | None = None,
    ui: "UI | None" = None,
    cwd: Path | None = None,
    settings: dict[str, Any] | None = None,
    **options: Any,
) -> AsyncGenerator[Session]:
    """A started session with one extension (its function or its path), closed at the end.

    A scripted model gives the `replies`; pass `model` instead to see what it was asked. No user's file is
    read: agent directory and, without `cwd`, the project are temporary. `options` are those of
    `create_agent_session`. Raises PiError when the extension can't be loaded.
    """
    from pi.sdk import ExtensionChoice, create_agent_session

    with TemporaryDirectory(prefix="pi-test-", ignore_cleanup_errors=True) as folder:
        agent, project = Path(folder, "agent"), cwd or Path(folder, "project")
        agent.mkdir()
        project.mkdir(exist_ok=True)
        if settings:
            (agent / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
        paths = (str(Path(extension).absolute()),) if isinstance(extension, str | Path) else ()
        inline = (extension,) if callable(extension) else ()
        session = await create_agent_session(
            cwd=project,
            agent_dir=agent,
            model=(model or ScriptedModel(*replies)).model,
            extensions=ExtensionChoice(paths, inline, find=False),
            ui=ui,
            **options,
        )
        try:
            if session.extensions is not None and session.extensions.problems:
                raise PiError("\n".join(map(str, session.extensions.problems)))
            await session.start()
            yield session
        finally:
            await session.close()
