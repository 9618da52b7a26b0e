"""/tree, /fork and what Escape twice does, with sessions of a scripted model."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from pi.ext import Cancel
from pi.harness.storage.entries import BranchSummary
from pi.modes.tui.commands import fork, tree
from pi.platform.errors import PiError
from tests.modes.tui.sessions.conftest import Saved
from tests.modes.tui.sessions.stage import Answer, FakeStage


def _talked(
    saved: Saved,
    use: Callable[[FakeStage], Awaitable[None]],
    *answers: Answer,
    extension: Callable[[object], None] | None = None,
    **options: object,
) -> None:
    """The session: one, reply one, two, reply two."""

    async def main() -> None:
        async with saved("reply one", "reply two", extension=extension, **options) as session:
            await session.prompt("one")
            await session.prompt("two")
            await use(FakeStage(session, *answers))

    asyncio.run(main())


def test_going_back_to_a_message_puts_its_text_into_the_editor(saved: Saved) -> None:
    async def use(stage: FakeStage) -> None:
        await tree.run(stage, "")
        assert (stage.editor_text, stage.rebuilt) == ("two", 1)
        assert stage.notices == [("You are at the chosen point.", "info")]
        assert len(stage.session.store.branch("message")) == len(stage.session.store.entries("message")) - 2

    _talked(saved, use, ["up", "enter"], ["enter"])


def test_the_branch_that_is_left_is_summed_up_on_request(saved: Saved) -> None:
    async def use(stage: FakeStage) -> None:
        await tree.run(stage, "")
        summaries = [e for e in stage.session.store.branch() if isinstance(e, BranchSummary)]
        assert len(summaries) == 1 and "more" in summaries[0].summary
        assert stage.work == ["Summarizing the branch…", None]

    _talked(saved, use, ["up", "enter"], ["down", "enter"])


def test_the_summary_looks_at_what_one_asks_for(saved: Saved) -> None:
    async def use(stage: FakeStage) -> None:
        await tree.run(stage, "")
        asked = stage.session.model.compat["script"].asked[-1]  # type: ignore[index]
        assert "only the stack" in str(asked.context)

    _talked(saved, use, ["up", "enter"], ["down", "down", "enter"], ["'only the stack", "enter"])


def test_leaving_the_question_leads_back_to_the_tree(saved: Saved) -> None:
    async def use(stage: FakeStage) -> None:
        before = stage.session.store.leaf
        await tree.run(stage, "")
        assert (stage.session.store.leaf, stage.answers, stage.notices) == (before, [], [])

    _talked(saved, use, ["up", "enter"], ["escape"], ["escape"])


def test_no_question_is_asked_where_the_settings_say_so(saved: Saved) -> None:
    async def use(stage: FakeStage) -> None:
        await tree.run(stage, "")
        assert stage.editor_text == "two"

    _talked(saved, use, ["up", "enter"], settings={"branchSummary": {"skipPrompt": True}})


def test_an_extension_can_refuse_to_go(saved: Saved) -> None:
    def extension(pi: object) -> None:
        @pi.on("session_before_tree")  # type: ignore[attr-defined]
        async def refuse(event: object, ctx: object) -> Cancel:
            return Cancel()

    async def use(stage: FakeStage) -> None:
        before = stage.session.store.leaf
        await tree.run(stage, "")
        assert stage.notices == [("Cancelled by an extension.", "info")]
        assert stage.session.store.leaf == before

    _talked(saved, use, ["up", "enter"], ["enter"], ["escape"], extension=extension)


def test_the_selected_place_is_where_one_is_already(saved: Saved) -> None:
    async def use(stage: FakeStage) -> None:
        await tree.run(stage, "")
        assert (stage.notices, stage.rebuilt) == ([("You are there already.", "info")], 0)

    _talked(saved, use, ["enter"])


def test_what_is_in_the_editor_stays_there(saved: Saved) -> None:
    async def use(stage: FakeStage) -> None:
        stage.editor_text = "half a thought"
        await tree.run(stage, "")
        assert stage.editor_text == "half a thought"

    _talked(saved, use, ["up", "enter"], ["enter"])


def test_a_fork_goes_on_before_the_latest_message(saved: Saved) -> None:
    async def use(stage: FakeStage) -> None:
        before = stage.session.store
        await fork.run(stage, "")
        after = stage.session.store
        assert after.path != before.path and after.header.parent_session == str(before.path)
        assert (stage.editor_text, stage.rebuilt) == ("two", 1)
        assert len(after.branch("message")) == len(before.branch("message")) - 2

    _talked(saved, use, ["enter"])


def test_a_fork_offers_only_messages_of_the_active_branch(saved: Saved) -> None:
    async def use(stage: FakeStage) -> None:
        two = stage.session.tree.user_messages()[1][0]
        await stage.session.tree.navigate(two)
        await fork.run(stage, "")
        assert stage.editor_text == "one"

    _talked(saved, use, ["enter"])


def test_nothing_moves_while_the_agent_works(saved: Saved) -> None:
    async def main() -> None:
        async with saved("reply one") as session:
            stage = FakeStage(session)
            refusals: list[str] = []

            async def listener(event: object) -> None:
                if type(event).__name__ == "TurnStart":
                    with pytest.raises(PiError) as error:
                        await fork.run(stage, "")
                    refusals.append(str(error.value))

            session.subscribe(listener)
            await session.prompt("one")
            assert refusals == [
                "The agent is working. Press escape to stop, or wait until it is done, then fork."
            ]

    asyncio.run(main())


@pytest.mark.parametrize(
    ("action", "title"), [("tree", "Session tree"), ("fork", "Fork from a message"), ("none", None)]
)
def test_escape_twice_does_what_the_settings_say(saved: Saved, action: str, title: str | None) -> None:
    titles: list[str] = []

    async def look(panel: object) -> None:
        titles.append(panel.title)  # type: ignore[attr-defined]
        panel.finish(None)  # type: ignore[attr-defined]

    async def use(stage: FakeStage) -> None:
        await tree.double_escape(stage)
        assert titles == ([title] if title else [])

    _talked(saved, use, look, settings={"doubleEscapeAction": action})
