"""Sessions that are saved, of a scripted model, for the commands."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from pi.harness.session import Session
from pi.harness.storage.store import Store
from pi.testing import ScriptedModel, session_with

Saved = Callable[..., AbstractAsyncContextManager[Session]]


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Saved:
    """A started session in a folder of its own, whose files lie in a folder beside."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PI_CODING_AGENT_SESSION_DIR", str(tmp_path / "sessions"))

    @asynccontextmanager
    async def make(*replies: Any, extension: Any = None, **options: Any) -> AsyncGenerator[Session]:
        project = tmp_path / "project"
        project.mkdir(exist_ok=True)
        store = options.pop("store", None) or Store.create(project, directory=tmp_path / "sessions")
        model = ScriptedModel(*replies, after="more")
        async with session_with(extension, model=model, cwd=project, store=store, **options) as session:
            yield session

    return make
