"""Sessions for the tests of the examples: the real file, a scripted model, real folders under `tmp_path`."""

import inspect
import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pi.harness.session import Session
from pi.harness.storage.store import Store
from pi.harness.ui import UI
from pi.sdk import ExtensionChoice, create_agent_session, load_extensions
from pi.testing import Recorder, ScriptedModel

EXAMPLES = Path(__file__).parents[2] / "examples" / "extensions"


@asynccontextmanager
async def session_with(
    example: str,
    scripted: ScriptedModel | str | None,
    tmp_path: Path,
    *,
    ui: UI | None = None,
    settings: Mapping[str, Any] | None = None,
    flags: Mapping[str, bool | str] | None = None,
    compaction: Mapping[str, Any] | None = None,
    resume: Path | None = None,
    inline: Sequence[Callable[[Any], Any]] = (),
    failures: Sequence[str] = (),
) -> AsyncGenerator[Session]:
    """A started session in `tmp_path/project`, saved in `tmp_path/sessions`, or the one of a file.

    `settings` are the example's own. The model is a scripted one, or a pattern. At the end, nothing but
    `failures` ("where: what") may have gone wrong in extensions.
    """
    agent, project = tmp_path / "agent", tmp_path / "project"
    for folder in (agent, project):
        folder.mkdir(exist_ok=True)
    all_settings = {"extensionSettings": {example: settings or {}}, "compaction": compaction or {}}
    (agent / "settings.json").write_text(json.dumps(all_settings))
    chosen = ExtensionChoice((str(EXAMPLES / f"{example}.py"),), tuple(inline), find=False)
    host = await load_extensions(project, agent, chosen, ui=ui)
    assert host is not None
    assert [str(problem) for problem in host.problems] == []
    host.set_flags(flags or {})
    store = (
        Store.open(resume, cwd=project) if resume else Store.create(project, directory=tmp_path / "sessions")
    )
    model = scripted if isinstance(scripted, str) else (scripted or ScriptedModel()).model
    session = await create_agent_session(
        cwd=project, agent_dir=agent, store=store, model=model, extensions=host, ui=ui
    )
    heard = Recorder(session)
    try:
        await session.start()
        yield session
    finally:
        await session.close()
    assert heard.failures == list(failures)


async def say(session: Session, text: str) -> None:
    """Say something, and wait until nothing runs."""
    await session.prompt(text)
    await session.wait_idle()


async def press(session: Session, key: str) -> None:
    """Press a key for which the extension has a shortcut."""
    owner, shortcut = session.extensions.joined.shortcuts[key]
    result = shortcut.run(session.extensions.ctx_of(owner))
    if inspect.isawaitable(result):
        await result


def lab(**scripts: ScriptedModel) -> Callable[[Any], None]:
    """An extension with a provider "lab": models by name that play these scripts."""

    def extension(pi: Any) -> None:
        async def stream(model: Any, context: Any, options: Any) -> AsyncGenerator[Any]:
            from pi.testing import Asked

            reply = scripts[model.id].script.next(Asked(context, options))
            for piece in (reply.text, *reply.calls):
                if piece:
                    yield piece

        pi.provider("lab", stream=stream, models=[{"id": name, "reasoning": True} for name in scripts])

    return extension
