"""Sessions that compact: when they do, what the model sees afterwards, and what they say while they do."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pi.agent.tool import Tool, ToolContext, ToolResult, text_result
from pi.harness.compaction.attempt import CompactionCancelled
from pi.harness.compaction.extension import (
    Cancel,
    Compacted,
    CompactionFailed,
    CompactionPreparation,
    OwnCompaction,
)
from pi.harness.events import CompactionEnd, CompactionResult, CompactionStart, SummarizationRetryScheduled
from pi.harness.session import Session, SessionBusy
from pi.harness.storage.entries import CompactionEntry, ContextEdit, MessageEntry
from pi.harness.storage.store import Store
from pi.llm.messages import AssistantMessage, Text, Usage, content_text
from pi.platform.errors import ConfigError, PiError
from pi.testing import Asked, Reply, ScriptedModel, call, make_session
from tests.harness.compaction.history import answer, call_of, result, user

LONG = "x" * 400  # 100 tokens
KEEP = {"compaction": {"keepRecentTokens": 150, "reserveTokens": 1_000}, "retry": {"baseDelayMs": 0}}
TOO_LONG = Reply(error="400: maximum context length is 10 tokens")
COMPACTED = """\
The conversation history before this point was compacted into the following summary:

<summary>
{}
</summary>"""


def run(coroutine: Any) -> Any:
    return asyncio.run(asyncio.wait_for(coroutine, 30))


def full(text: str = LONG) -> Reply:
    """An answer after which the window is full."""
    return Reply(text, usage=Usage(input=9_900, total_tokens=9_900))


def scripted(*replies: Any, **fields: Any) -> ScriptedModel:
    return ScriptedModel(*replies, **{"context_window": 10_000, **fields})


def session_of(model: ScriptedModel, path: Path, **options: Any) -> tuple[Session, list[Any]]:
    session = make_session(model, cwd=path, **{"settings": KEEP, **options})
    events: list[Any] = []
    session.subscribe(events.append)
    return session, events


def seen(asked: Asked) -> list[str]:
    return [content_text(message.content) for message in asked.context.messages]


def kinds(events: list[Any]) -> list[str]:
    return [event.__struct_config__.tag for event in events]


def compactions(events: list[Any]) -> list[Any]:
    return [event for event in events if isinstance(event, CompactionStart | CompactionEnd)]


async def prompts(session: Session, *texts: str) -> None:
    for text in texts:
        await session.prompt(text)


async def grown(session: Session) -> None:
    """Two turns, of which the second is more than what is kept."""
    await prompts(session, "1", LONG)


def test_an_answer_that_fills_the_window_is_followed_by_a_compaction(tmp_path: Path) -> None:
    model = scripted("One", full(), "A SUMMARY", "Three")
    session, events = session_of(model, tmp_path)

    run(prompts(session, "1", LONG, "3"))

    assert seen(model.asked[3]) == [COMPACTED.format("A SUMMARY"), LONG, LONG, "3"]
    at = kinds(events).index("compaction_start")
    assert kinds(events)[at - 1 : at + 3] == [
        "agent_end",
        "compaction_start",
        "compaction_end",
        "agent_settled",
    ]
    assert kinds(events).count("compaction_start") == 1  # old usage doesn't start another one


def test_nothing_is_compacted_while_the_reserve_is_free(tmp_path: Path) -> None:
    below = Reply("One", usage=Usage(input=9_000, total_tokens=9_000))
    session, events = session_of(scripted(below, "Two"), tmp_path)

    run(prompts(session, LONG, LONG))

    assert compactions(events) == []


def test_a_model_whose_window_is_not_known_is_never_too_full(tmp_path: Path) -> None:
    session, events = session_of(scripted("One", full(), "Three", context_window=0), tmp_path)

    run(prompts(session, "1", LONG, "3"))

    assert compactions(events) == []


def test_a_summary_request_has_no_tools_no_cache_and_the_sessions_route(tmp_path: Path) -> None:
    model = scripted("One", full(), "A SUMMARY", max_tokens=500, reasoning=True)
    session, _ = session_of(model, tmp_path, tools=[big_tool("")], level="high")

    run(grown(session))

    asked = model.asked[2]
    assert asked.context.tools == ()
    assert asked.context.system.startswith("You write hand-over notes")
    assert seen(asked)[0].startswith(
        "<conversation>\n[User]: 1\n\n[Assistant]: One\n</conversation>\n\nSum up"
    )
    options = asked.options
    assert (options.cache_retention, options.session_id) == ("none", session.store.id)
    assert (options.max_tokens, options.thinking) == (500, "high")


def test_results_that_fill_the_window_are_followed_by_a_compaction_before_the_next_request(
    tmp_path: Path,
) -> None:
    model = scripted("One", call("big"), "HISTORY", "PREFIX", "Done")
    session, events = session_of(model, tmp_path, tools=[big_tool("y" * 40_000)])

    run(prompts(session, "1", "read it"))

    order = kinds(events)
    at = order.index("compaction_start")
    assert order[at - 1 : at + 3] == ["turn_end", "compaction_start", "compaction_end", "turn_start"]
    merged = "HISTORY\n\n---\n\n**Turn Context (split turn):**\n\nPREFIX"
    assert seen(model.asked[3])[0].startswith(
        "# Conversation\n[User]: read it\n\n# Instructions\nThe conversation"
    )
    assert seen(model.asked[4])[0] == COMPACTED.format(merged)
    assert [type(m).__name__ for m in model.asked[4].context.messages[1:]] == [
        "AssistantMessage",
        "ToolResultMessage",
    ]
    entry = session.store.branch("compaction")[0]
    assert isinstance(entry, CompactionEntry) and entry.usage == Usage(200, 40, total_tokens=240)


def test_a_turn_without_a_history_before_it_says_so(tmp_path: Path) -> None:
    model = scripted(call("big"), "PREFIX", "Done")
    session, _ = session_of(model, tmp_path, tools=[big_tool("y" * 40_000)])

    run(session.prompt("read it"))

    assert seen(model.asked[2])[0] == COMPACTED.format(
        "No prior history.\n\n---\n\n**Turn Context (split turn):**\n\nPREFIX"
    )


def test_a_session_that_was_left_full_is_compacted_before_the_next_prompt(tmp_path: Path) -> None:
    store = Store.in_memory(tmp_path)
    for said in (user("1"), answer("One"), user(LONG), answer(LONG, used=9_900)):
        store.append_message(said)
    model = scripted("A SUMMARY", "Three")
    session, events = session_of(model, tmp_path, store=store)

    run(session.prompt("3"))

    assert seen(model.asked[1]) == [COMPACTED.format("A SUMMARY"), LONG, LONG, "3"]
    assert kinds(events)[:3] == ["compaction_start", "compaction_end", "agent_start"]


def test_a_request_that_was_too_long_is_made_again_after_a_compaction(tmp_path: Path) -> None:
    model = scripted("One", LONG, TOO_LONG, "A SUMMARY", "Three")
    session, events = session_of(model, tmp_path)

    run(prompts(session, "1", LONG, "3"))

    assert seen(model.asked[4]) == [COMPACTED.format("A SUMMARY"), LONG, LONG, "3"]
    at = kinds(events).index("compaction_start")
    assert kinds(events)[at - 2 : at + 3] == [
        "agent_end",
        "entry_appended",
        "compaction_start",
        "compaction_end",
        "agent_start",
    ]
    assert [event.will_retry for event in events if isinstance(event, CompactionEnd)] == [True]
    assert session.last_message is not None and session.last_message.text == "Three"
    failed = [
        entry.id
        for entry in session.store.entries()
        if isinstance(entry, MessageEntry)
        and isinstance(entry.message, AssistantMessage)
        and entry.message.stop_reason == "error"
    ]
    edits = [entry for entry in session.store.entries() if isinstance(entry, ContextEdit)]
    assert [(edit.target_id, edit.replacement) for edit in edits] == [(failed[0], None)]


def test_an_input_that_is_too_long_itself_goes_into_the_summary(tmp_path: Path) -> None:
    model = scripted("One", TOO_LONG, "HISTORY", "PREFIX", "Two")
    session, _ = session_of(model, tmp_path)

    run(prompts(session, "1", LONG + LONG))

    assert [text[:9] for text in seen(model.asked[4])] == [COMPACTED[:9]]
    assert session.last_message is not None and session.last_message.text == "Two"


def test_a_second_overflow_is_not_tried_again(tmp_path: Path) -> None:
    model = scripted("One", LONG, TOO_LONG, "A SUMMARY", TOO_LONG)
    session, events = session_of(model, tmp_path)

    run(prompts(session, "1", LONG, "3"))

    assert len(model.asked) == 5
    assert compactions(events)[-1] == CompactionEnd(
        "overflow",
        error_message="Context overflow recovery failed after one compact-and-retry attempt. "
        "Try reducing context or switching to a larger-context model.",
    )


def test_an_overflow_with_nothing_to_compact_only_hides_the_attempt(tmp_path: Path) -> None:
    session, events = session_of(scripted(TOO_LONG), tmp_path)

    run(session.prompt("1"))

    assert compactions(events) == []
    assert [content_text(message.content) for message in session.messages[1:]] == ["1"]


def test_an_answer_that_was_cut_early_is_asked_for_again_after_a_compaction_but_once(tmp_path: Path) -> None:
    cut = Reply("half", stop_reason="length", usage=Usage(100, 20, total_tokens=120))
    model = scripted("One", LONG, cut, "A SUMMARY", cut)
    session, events = session_of(model, tmp_path)

    run(prompts(session, "1", LONG, "3"))

    assert seen(model.asked[4]) == [COMPACTED.format("A SUMMARY"), LONG, LONG, "3"]
    assert compactions(events)[-1].error_message == (
        "Truncated response recovery failed after one compact-and-retry attempt."
    )


def test_a_whole_answer_to_too_much_input_is_kept_and_not_asked_for_again(tmp_path: Path) -> None:
    over = Reply(LONG, usage=Usage(input=11_000, total_tokens=11_000))
    model = scripted("One", over, "A SUMMARY")
    session, events = session_of(model, tmp_path)

    run(grown(session))

    ends = [(event.reason, event.will_retry) for event in events if isinstance(event, CompactionEnd)]
    assert ends == [("overflow", False)]
    assert len(model.asked) == 3
    assert session.last_message is not None and session.last_message.text == LONG


def test_an_overflow_of_another_model_is_not_this_ones(tmp_path: Path) -> None:
    store = Store.in_memory(tmp_path)
    error = "400: maximum context length is 10 tokens"
    for said in (user("1"), answer("One"), user(LONG), answer(stop="error", error=error)):
        store.append_message(said)
    session, events = session_of(scripted("Fine", id="bigger"), tmp_path, store=store)

    run(session.prompt("3"))

    assert compactions(events) == []


def test_what_was_switched_off_does_not_happen_by_itself(tmp_path: Path) -> None:
    settings = {"compaction": {**KEEP["compaction"], "enabled": False}}
    model = scripted("One", full(), TOO_LONG)
    session, events = session_of(model, tmp_path, settings=settings)

    run(prompts(session, "1", LONG, "3"))

    assert compactions(events) == []
    assert not session.store.branch("context_edit")


def test_by_hand_it_works_also_when_it_is_switched_off(tmp_path: Path) -> None:
    settings = {"compaction": {**KEEP["compaction"], "enabled": False}}
    model = scripted("One", LONG, "A SUMMARY", "Three")
    session, events = session_of(model, tmp_path, settings=settings)

    async def go() -> CompactionEntry:
        await grown(session)
        return await session.compact("the fruit")

    entry = run(go())

    kept = session.store.get(entry.first_kept_entry_id)
    assert isinstance(kept, MessageEntry) and kept.message.content == (Text(LONG),)
    assert (entry.summary, entry.tokens_before, entry.from_hook) == ("A SUMMARY", 120, False)
    assert entry.details == {"readFiles": [], "modifiedFiles": []}
    assert seen(model.asked[2])[0].endswith("\n\nAdditional focus: the fruit")
    result = CompactionResult(
        "A SUMMARY", kept.id, 120, events[-1].result.estimated_tokens_after, entry.usage, entry.details
    )
    assert compactions(events) == [CompactionStart("manual"), CompactionEnd("manual", result)]
    assert [content_text(message.content) for message in session.messages[2:]] == [LONG, LONG]


def test_what_can_not_be_compacted_is_refused(tmp_path: Path) -> None:
    session, events = session_of(scripted("One", LONG, "A SUMMARY"), tmp_path)

    async def go() -> list[str]:
        refusals: list[str] = []
        await session.prompt("1")
        for step in (session.compact, lambda: session.prompt(LONG), session.compact, session.compact):
            try:
                await step()
            except PiError as error:
                refusals.append(str(error))
        return refusals

    assert run(go()) == ["Nothing to compact (session too small)", "Already compacted"]
    assert [event.error_message for event in events if isinstance(event, CompactionEnd)][::2] == [
        "Compaction failed: Nothing to compact (session too small)",
        "Compaction failed: Already compacted",
    ]


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(error="401: no"), "Summarization failed: 401: no"),
        (
            Reply("half", stop_reason="length"),
            "Summarization failed: generation hit the token cap and the summary is incomplete",
        ),
        (call("read", path="a"), "Summarization attempted to call a tool"),
        (
            Reply(" "),
            "Summarization failed: the model wrote nothing. Try again, or with another model.",
        ),
    ],
)
def test_a_summary_that_is_not_whole_leaves_the_conversation_as_it_was(
    tmp_path: Path, reply: Reply, reason: str
) -> None:
    session, events = session_of(scripted("One", LONG, reply), tmp_path)

    async def go() -> tuple[Any, ...]:
        await grown(session)
        before = session.messages, session.store.entries()
        with pytest.raises(PiError) as caught:
            await session.compact()
        assert str(caught.value) == reason
        return before

    assert run(go()) == (session.messages, session.store.entries())
    assert compactions(events)[-1] == CompactionEnd("manual", error_message=f"Compaction failed: {reason}")


def test_an_automatic_compaction_that_fails_ends_the_recovery_quietly(tmp_path: Path) -> None:
    model = scripted("One", LONG, TOO_LONG, Reply(error="401: no"))
    session, events = session_of(model, tmp_path)

    run(prompts(session, "1", LONG, "3"))

    assert compactions(events)[-1] == CompactionEnd(
        "overflow", error_message="Context overflow recovery failed: Summarization failed: 401: no"
    )
    assert len(model.asked) == 4
    assert [content_text(message.content) for message in session.messages[1:]] == [
        "1",
        "One",
        LONG,
        LONG,
        "3",
    ]


def test_a_summary_that_fails_for_a_while_is_asked_for_again(tmp_path: Path) -> None:
    model = scripted("One", full(), Reply(error="503: overloaded"), "A SUMMARY")
    session, events = session_of(model, tmp_path)

    run(grown(session))

    order = kinds(events)
    at = order.index("compaction_start")
    assert order[at + 1 : at + 5] == [
        "summarization_retry_scheduled",
        "summarization_retry_attempt_start",
        "summarization_retry_finished",
        "compaction_end",
    ]
    assert events[at + 1] == SummarizationRetryScheduled(1, 3, 0, "503: overloaded")
    assert (events[at + 2].source, events[at + 2].reason) == ("compaction", "threshold")


def test_an_abort_ends_a_compaction_by_hand_and_changes_nothing(tmp_path: Path) -> None:
    model = scripted("One", LONG, Reply("…", hang=True))
    session, events = session_of(model, tmp_path)

    async def go() -> None:
        await grown(session)
        before = session.messages
        compacting = asyncio.create_task(session.compact())
        await requests(model, 3)
        with pytest.raises(SessionBusy, match="Wait for compaction to finish"):
            await session.prompt("now")
        await session.abort()
        with pytest.raises(CompactionCancelled, match="Compaction cancelled"):
            await compacting
        assert session.messages == before

    run(go())
    assert compactions(events)[-1] == CompactionEnd("manual", aborted=True)


def test_an_abort_ends_a_compaction_inside_a_run_and_the_run(tmp_path: Path) -> None:
    model = scripted("One", call("big"), Reply("…", hang=True))
    session, events = session_of(model, tmp_path, tools=[big_tool("y" * 40_000)])

    async def go() -> None:
        await session.prompt("1")
        prompting = asyncio.create_task(session.prompt("read it"))
        await requests(model, 3)
        await session.abort()
        await prompting

    run(go())
    assert compactions(events)[-1] == CompactionEnd("threshold", aborted=True)
    assert len(model.asked) == 3
    assert session.last_message is not None
    assert session.last_message.error_message == "This operation was aborted"


def test_compacting_stops_a_run_first(tmp_path: Path) -> None:
    model = scripted("One", LONG, Reply("…", hang=True), "A SUMMARY")
    session, _ = session_of(model, tmp_path)

    async def go() -> None:
        await grown(session)
        prompting = asyncio.create_task(session.prompt("3"))
        await requests(model, 3)
        await session.compact()
        await prompting

    run(go())
    assert session.store.branch("compaction")
    assert not session.busy


def test_what_was_queued_during_a_compaction_is_delivered_after_it(tmp_path: Path) -> None:
    model = scripted("One", full(), "A SUMMARY", "Later")
    session, _ = session_of(model, tmp_path)

    async def queue(event: Any) -> None:
        if isinstance(event, CompactionStart):
            await session.prompt("and then", when_busy="follow_up")

    session.subscribe(queue)
    run(grown(session))

    assert seen(model.asked[3])[-1] == "and then"


def test_a_good_answer_allows_another_recovery_in_the_same_run(tmp_path: Path) -> None:
    model = scripted("One", LONG, TOO_LONG, "FIRST", call("big"), TOO_LONG, "PREFIX", "Done")
    session, _ = session_of(model, tmp_path, tools=[big_tool(LONG)])

    run(prompts(session, "1", LONG, "3"))

    assert session.last_message is not None and session.last_message.text == "Done"


def test_a_new_prompt_allows_another_recovery(tmp_path: Path) -> None:
    model = scripted("One", LONG, TOO_LONG, "H1", "P1", TOO_LONG, TOO_LONG, "H2", "Four")
    session, _ = session_of(model, tmp_path)

    run(prompts(session, "1", LONG, LONG, LONG))

    assert session.last_message is not None and session.last_message.text == "Four"


def test_a_run_that_was_aborted_is_not_compacted(tmp_path: Path) -> None:
    full_call = Reply(calls=call("wait").calls, usage=Usage(input=9_900, total_tokens=9_900))
    model = scripted("One", LONG, full_call)
    waiting = asyncio.Event()

    async def wait(arguments: dict[str, Any], ctx: ToolContext) -> ToolResult:
        waiting.set()
        await asyncio.Event().wait()
        return text_result("never")

    tool = Tool("wait", "Waits.", {"type": "object", "properties": {}}, wait)
    session, events = session_of(model, tmp_path, tools=[tool])

    async def go() -> None:
        await grown(session)
        prompting = asyncio.create_task(session.prompt(LONG))
        await waiting.wait()
        await session.abort()
        await prompting

    run(go())
    assert compactions(events) == []


def test_an_abort_during_the_last_compaction_leaves_the_queue_waiting(tmp_path: Path) -> None:
    model = scripted("One", full(), Reply("…", hang=True))
    session, events = session_of(model, tmp_path)

    async def go() -> None:
        await session.prompt("1")
        prompting = asyncio.create_task(session.prompt(LONG))
        await requests(model, 3)
        await session.prompt("later", when_busy="follow_up")
        await session.abort()
        await prompting
        assert await session.queue.clear() == ([], ["later"])

    run(go())
    assert compactions(events)[-1] == CompactionEnd("threshold", aborted=True)
    assert len(model.asked) == 3


def test_whoever_hears_of_the_end_may_prompt_at_once(tmp_path: Path) -> None:
    session, _ = session_of(scripted("One", "Two"), tmp_path)
    prompting: list[asyncio.Task[None]] = []

    async def prompt_again(event: Any) -> None:
        if isinstance(event, CompactionEnd):
            prompting.append(asyncio.create_task(session.prompt("2")))
            await asyncio.sleep(0)

    async def go() -> None:
        await session.prompt("1")
        session.subscribe(prompt_again)
        with pytest.raises(PiError, match="too small"):
            await session.compact()
        await session.wait_idle()
        assert session.last_message is not None and session.last_message.text == "Two"
        await prompting[0]

    run(go())


def test_a_compaction_that_was_just_made_is_not_made_again(tmp_path: Path) -> None:
    store = Store.in_memory(tmp_path)
    entries = [store.append_message(said) for said in (user(LONG), answer(LONG), user(LONG), answer(LONG))]
    store.append_compaction("A SUMMARY", entries[0].id, 10)
    session, _ = session_of(scripted(), tmp_path, store=store)

    with pytest.raises(PiError, match=r"^Already compacted$"):
        run(session.compact())


def test_a_summary_that_keeps_failing_is_given_up(tmp_path: Path) -> None:
    settings = {**KEEP, "retry": {"baseDelayMs": 0, "maxRetries": 1}}
    overloaded = Reply(error="503: overloaded")
    session, events = session_of(scripted("One", LONG, after=overloaded), tmp_path, settings=settings)

    async def go() -> None:
        await grown(session)
        with pytest.raises(PiError, match=r"^Summarization failed: 503: overloaded$"):
            await session.compact()

    run(go())
    assert kinds(events)[-2:] == ["summarization_retry_finished", "compaction_end"]


def test_the_next_compaction_goes_on_from_the_last_one(tmp_path: Path) -> None:
    model = scripted("One", full(), "FIRST", full("Three"), "SECOND", "Four")
    session, _ = session_of(model, tmp_path)

    run(prompts(session, "1", LONG, LONG + LONG, "4"))

    request = seen(model.asked[4])[0]
    kept = f"<conversation>\n[User]: {LONG}\n\n[Assistant]: {LONG}\n</conversation>\n\n"
    assert request.startswith(
        f"{kept}<previous-summary>\nFIRST\n</previous-summary>\n\nThe conversation above goes on"
    )
    assert seen(model.asked[5]) == [COMPACTED.format("SECOND"), LONG + LONG, "Three", "4"]


def test_a_turn_that_is_split_after_a_compaction_keeps_the_old_summary_in_front(tmp_path: Path) -> None:
    model = scripted("One", LONG, "FIRST", LONG + LONG, "PREFIX")
    session, _ = session_of(model, tmp_path)

    async def go() -> CompactionEntry:
        await grown(session)
        await session.compact()
        session.store.append_compaction("FIRST", None, 10)
        await session.prompt("3")
        return await session.compact()

    entry = run(go())

    assert entry.summary == "FIRST\n\n---\n\n**Turn Context (split turn):**\n\nPREFIX"
    assert seen(model.asked[4])[0].startswith("# Conversation\n[User]: 3\n\n# Instructions\n")


def test_prompt_and_tools_are_the_same_after_a_compaction_and_after_reopening(tmp_path: Path) -> None:
    store = Store.create(tmp_path, directory=tmp_path / "sessions")
    model = scripted("One", full(), "A SUMMARY", "Three")
    session, _ = session_of(model, tmp_path, store=store, tools=[big_tool("")])
    run(prompts(session, "1", LONG, "3"))
    run(session.close())
    assert store.path is not None

    again = scripted("Four")
    reopened, _ = session_of(again, tmp_path, store=Store.open(store.path), tools=[big_tool("")])
    assert reopened.messages == session.messages
    run(reopened.prompt("4"))

    first = model.asked[0].context
    for later in (model.asked[3].context, again.asked[0].context):
        assert (later.system, later.tools) == (first.system, first.tools)
    assert seen(again.asked[0]) == [COMPACTED.format("A SUMMARY"), LONG, LONG, "3", "Three", "4"]


def test_an_extension_may_cancel(tmp_path: Path) -> None:
    session, events = session_of(scripted("One", full()), tmp_path)
    news = with_extension(session, Cancel())

    run(grown(session))

    assert compactions(events) == [CompactionStart("threshold"), CompactionEnd("threshold", aborted=True)]
    assert news[1:] == [CompactionFailed("threshold", None, will_retry=False)]


def test_an_extension_may_write_the_summary_and_sees_what_it_is_about(tmp_path: Path) -> None:
    own = OwnCompaction("MINE", None, 7, details={"by": "me"}, usage=Usage(1, 1, total_tokens=2))
    model = scripted("One", full(), "Three")
    session, _ = session_of(model, tmp_path)
    news = with_extension(session, own)

    run(grown(session))
    seen_by_extension = news[0]
    entry = session.store.branch("compaction")[0]
    run(session.prompt("3"))

    assert isinstance(seen_by_extension, CompactionPreparation) and isinstance(entry, CompactionEntry)
    asked = seen_by_extension
    assert (asked.reason, asked.will_retry, asked.is_split_turn) == ("threshold", False, False)
    assert [content_text(m.content) for m in asked.messages_to_summarize] == ["1", "One"]
    assert (asked.tokens_before, asked.previous_summary, asked.turn_prefix_messages) == (9_900, None, ())
    assert asked.settings.keep_recent_tokens == 150
    assert list(asked.branch_entries) == session.store.branch()[: len(asked.branch_entries)]
    assert (entry.summary, entry.tokens_before, entry.details) == ("MINE", 7, {"by": "me"})
    assert (entry.first_kept_entry_id, entry.from_hook) == (entry.id, True)
    assert news[1:] == [Compacted(entry, from_extension=True, reason="threshold", will_retry=False)]
    assert seen(model.asked[2]) == [COMPACTED.format("MINE"), "3"]


def test_settings_that_can_not_be_used_are_said_before_anything_is_asked(tmp_path: Path) -> None:
    model = scripted("One")
    session, _ = session_of(model, tmp_path, settings={"compaction": {"reserveTokens": -1}})

    with pytest.raises(ConfigError, match=r"Invalid compaction\.reserveTokens setting: -1"):
        run(session.prompt("1"))

    assert (model.asked, session.messages, session.busy) == ([], (), False)


def test_files_that_the_summarised_part_touched_are_named_in_the_summary(tmp_path: Path) -> None:
    store = Store.in_memory(tmp_path)
    calls = (call_of("read", path="a.py"), call_of("edit", path="b.py"))
    for said in (user("1"), answer("", *calls), result(), user(LONG), answer(LONG)):
        store.append_message(said)
    session, _ = session_of(scripted("A SUMMARY"), tmp_path, store=store)

    entry = run(session.compact())

    assert entry.summary == (
        "A SUMMARY\n\n<read-files>\na.py\n</read-files>\n\n<modified-files>\nb.py\n</modified-files>"
    )
    assert entry.details == {"readFiles": ["a.py"], "modifiedFiles": ["b.py"]}


def big_tool(text: str) -> Tool:
    async def big(arguments: dict[str, Any], ctx: ToolContext) -> ToolResult:
        return text_result(text)

    return Tool("big", "Gives much.", {"type": "object", "properties": {}}, big)


def with_extension(session: Session, reply: Cancel | OwnCompaction) -> list[Any]:
    """An extension that gives this answer; the list is what it hears."""
    news: list[Any] = []

    async def asked(preparation: CompactionPreparation) -> Cancel | OwnCompaction:
        news.append(preparation)
        return reply

    async def told(event: Any) -> None:
        news.append(event)

    session.hooks.on("session_before_compact", asked)
    session.hooks.on("session_compact", told)
    session.hooks.on("session_compact_failed", told)
    return news


async def requests(model: ScriptedModel, count: int) -> None:
    """Wait until the model has been asked that often."""
    while len(model.asked) < count:
        await asyncio.sleep(0)
