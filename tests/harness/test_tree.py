"""Going elsewhere in a session and to others: what is left behind, what comes along, what is refused."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pi.harness.compaction.extension import Cancel
from pi.harness.extensions.answers import OwnSummary, SummaryOptions
from pi.harness.session import Session
from pi.harness.storage.entries import BranchSummary
from pi.harness.storage.store import Store
from pi.platform.errors import PiError
from pi.sdk import create_agent_session
from pi.testing import Reply, ScriptedModel, make_session


async def talked(tmp_path: Path, *replies: Any) -> tuple[Session, ScriptedModel, list[str]]:
    """A session of two exchanges, its model, and the ids of what the user said."""
    scripted = ScriptedModel("One", "Two", *replies)
    session = make_session(scripted, cwd=tmp_path)
    for text in ("first", "second"):
        await session.prompt(text)
    return session, scripted, [id for id, _ in session.tree.user_messages()]


def test_a_branch_that_is_left_is_summed_up_where_it_goes_on(tmp_path: Path) -> None:
    async def go() -> None:
        session, scripted, (_, second) = await talked(tmp_path, "SUMMED UP")
        left = session.store.leaf
        moved = await session.tree.navigate(second, summarize=True, instructions="the numbers", label="A")
        assert (moved.text, moved.cancelled) == ("second", False)
        assert moved.summary is not None and moved.summary.from_id == left
        assert "SUMMED UP" in moved.summary.summary
        assert session.store.labels[moved.summary.id].label == "A"
        assert "the numbers" in str(scripted.asked[-1].context.messages)
        assert [type(message).__name__ for message in session.messages][-1] == "BranchSummaryMessage"

    asyncio.run(go())


def test_an_abort_during_the_summary_leaves_everything_as_it_was(tmp_path: Path) -> None:
    async def go() -> None:
        session, scripted, (_, second) = await talked(tmp_path, Reply("…", hang=True), "Three")
        before = (session.store.leaf, len(session.store.entries()), session.messages)
        moving = asyncio.create_task(session.tree.navigate(second, summarize=True))
        while len(scripted.asked) < 3:
            await asyncio.sleep(0)
        assert session.compacting
        with pytest.raises(PiError, match="Wait for the current compaction or tree navigation"):
            await session.tree.navigate(second)
        with pytest.raises(PiError, match="Cannot submit a prompt"):
            await session.prompt("now?")
        await session.abort()
        assert (await moving).cancelled
        assert (session.store.leaf, len(session.store.entries()), session.messages) == before
        assert not session.compacting
        await session.prompt("third")
        assert session.last_message is not None and session.last_message.text == "Three"

    asyncio.run(go())


def test_a_summary_that_fails_is_an_error_and_nothing_has_moved(tmp_path: Path) -> None:
    async def go() -> None:
        session, _, (first, _) = await talked(tmp_path, Reply(error="401: no"))
        leaf = session.store.leaf
        with pytest.raises(PiError, match="Branch summarization failed: 401: no"):
            await session.tree.navigate(first, summarize=True)
        assert session.store.leaf == leaf and not session.compacting

    asyncio.run(go())


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Cancel("no"), (True, None, None)),
        (OwnSummary("MINE"), (False, "MINE", True)),
        (SummaryOptions(label="theirs"), (False, None, False)),
    ],
)
def test_an_extension_may_refuse_write_the_summary_or_name_the_place(
    tmp_path: Path, answer: Any, expected: tuple[bool, str | None, bool | None]
) -> None:
    async def go() -> None:
        session, _, (_, second) = await talked(tmp_path, "BY PI")
        session.hooks.on("session_before_tree", lambda event: answer)
        moved = await session.tree.navigate(second, summarize=True)
        entry = moved.summary
        text = entry.summary if entry and entry.from_hook else None
        assert (moved.cancelled, text, entry and entry.from_hook) == expected
        labels = [label.label for label in session.store.labels.values()]
        assert labels == (["theirs"] if isinstance(answer, SummaryOptions) else [])

    asyncio.run(go())


def test_a_move_to_the_first_message_begins_a_new_root(tmp_path: Path) -> None:
    async def go() -> None:
        session, _, (first, _) = await talked(tmp_path, "Anew")
        root = session.store.get(first)
        assert root is not None
        moved = await session.tree.navigate(first, summarize=False)
        assert (moved.text, session.store.leaf) == ("first", root.parent_id)
        assert not any(isinstance(entry, BranchSummary) for entry in session.store.entries())

    asyncio.run(go())


def test_an_unsaved_session_cannot_be_copied_and_one_of_a_lost_folder_not_opened(tmp_path: Path) -> None:
    async def go() -> None:
        store = Store.create(tmp_path, directory=tmp_path / "sessions")
        session = await create_agent_session(
            cwd=tmp_path, agent_dir=tmp_path / "agent", store=store, model=ScriptedModel("Fine.").model
        )
        with pytest.raises(PiError, match="has not been saved yet"):
            await session.tree.clone()
        lost = tmp_path / "lost.jsonl"
        lost.write_text('{"type":"session","version":3,"id":"x","timestamp":"","cwd":"/no/such/folder"}\n')
        with pytest.raises(PiError, match="working directory does not exist: /no/such/folder"):
            await session.tree.switch(lost)
        assert session.store is store
        assert await session.tree.new()
        kinds = [entry.__struct_config__.tag for entry in session.store.entries()]
        assert kinds == ["model_change", "thinking_level_change"]
        await session.close()

    asyncio.run(go())
