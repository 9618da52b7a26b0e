"""Fixtures for pytest, there as soon as Pi is installed; only a test that uses one imports anything."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pi.testing import LoopedSession, ScriptedModel


@pytest.fixture
def scripted_model() -> "Callable[..., ScriptedModel]":
    """Makes a scripted model of its replies: `scripted_model("Hello.", after="Fine.")`."""
    from pi.testing import ScriptedModel

    return ScriptedModel


@pytest.fixture
def pi_session(tmp_path: Path) -> "Iterator[Callable[..., LoopedSession]]":
    """Makes a session with an extension, in `tmp_path`: `pi_session(extension, *replies, ui=…)`."""
    from pi.testing import LoopedSession

    with ExitStack() as stack:

        def make(extension: Any, *replies: Any, **options: Any) -> "LoopedSession":
            return stack.enter_context(LoopedSession(extension, *replies, **{"cwd": tmp_path, **options}))

        yield make
