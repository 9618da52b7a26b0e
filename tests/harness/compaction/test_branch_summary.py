"""Summaries of branches that are left: what they are made of, and how much of a long branch fits."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pi.harness.compaction.branch_summary import BranchNote, abandoned_entries, summarize_branch
from pi.harness.compaction.files import FileLists
from pi.harness.compaction.summary import Summary, SummaryError, SummaryRequest, summary_ask
from pi.harness.events import SummarizationRetryAttemptStart
from pi.harness.storage.entries import BranchSummary, Entry
from pi.harness.storage.store import Store
from pi.llm.messages import Usage
from pi.llm.models import Model
from pi.testing import Reply, ScriptedModel, make_session
from tests.harness.compaction.history import (
    T,
    answer,
    call_of,
    change,
    compaction,
    hide,
    ids,
    label,
    message,
    result,
    user,
)

LONG = "x" * 400  # 100 tokens
MODEL = Model("m", "p", "faux", "", context_window=1_000, max_tokens=50_000)
USED = Usage(10, 5, total_tokens=15)
PREAMBLE = """\
The user explored a different conversation branch before returning here.
Summary of that exploration:

"""


def summarised(*entries: Entry, model: Model = MODEL, reserve: int = 0, **options: Any) -> Any:
    """The note, and the request that was made for it."""
    requests: list[SummaryRequest] = []

    async def ask(request: SummaryRequest) -> Summary:
        requests.append(request)
        return Summary("NOTES", USED)

    note = asyncio.run(summarize_branch(entries, model, ask, reserve_tokens=reserve, **options))
    return note, requests


def conversation(request: SummaryRequest) -> str:
    return request.prompt.removeprefix("<conversation>\n").split("\n</conversation>\n\n")[0]


def test_a_branch_is_summed_up_without_its_results_and_with_its_files() -> None:
    calls = (call_of("read", path="a.py"), call_of("write", path="b.py"))
    branch = [message("u", user("go")), message("a", answer("", *calls)), message("r", result())]

    note, requests = summarised(*branch, label("l"), instructions="the numbers")

    files = FileLists(("a.py",), ("b.py",))
    assert note == BranchNote(f"{PREAMBLE}NOTES{files.tags}", files, USED)
    assert conversation(requests[0]) == (
        '[User]: go\n\n[Assistant tool calls]: read(path="a.py"); write(path="b.py")'
    )
    assert requests[0].prompt.endswith("\n\nAdditional focus: the numbers")
    assert (requests[0].max_tokens, requests[0].thinking) == (4_096, False)


def test_instructions_may_be_all_that_is_asked_for() -> None:
    _, requests = summarised(message("u", user("go")), instructions="One word.", replace_instructions=True)

    assert requests[0].prompt == "<conversation>\n[User]: go\n</conversation>\n\nOne word."


def test_edits_count_as_they_do_for_the_model() -> None:
    branch = [
        message("u", user("secret")),
        message("a", answer("failed", stop="error")),
        change("c", "u", "public"),
        hide("h", "a"),
    ]

    _, requests = summarised(*branch)

    assert conversation(requests[0]) == "[User]: public"


def test_of_a_long_branch_the_newest_messages_are_taken() -> None:
    branch = [message(f"u{number}", user(f"{number}{LONG}"[:400])) for number in range(8)]

    _, requests = summarised(*branch, reserve=700)

    assert [part[8] for part in conversation(requests[0]).split("\n\n")] == ["5", "6", "7"]


def test_an_earlier_summary_may_go_over_the_budget_a_little() -> None:
    branch = [
        compaction("k", "u"),
        message("u", user("old")),
        message("v", user(LONG)),
        message("w", user(LONG)),
    ]
    summary = BranchSummary("b", None, T, "x", LONG + LONG)

    _, over = summarised(branch[1], summary, *branch[2:], reserve=750)
    _, full = summarised(branch[1], summary, *branch[2:], reserve=790)

    assert LONG + LONG in conversation(over[0]) and "old" not in conversation(over[0])
    assert LONG + LONG not in conversation(full[0])


def test_a_compaction_on_the_branch_speaks_for_itself() -> None:
    _, requests = summarised(compaction("k", "u"), message("u", user("new")))

    assert "old summary" in conversation(requests[0])


def test_files_of_summaries_on_the_branch_go_on() -> None:
    earlier = BranchSummary("b", None, T, "x", "x", details={"readFiles": ["r"], "modifiedFiles": ["m"]})

    note, _ = summarised(earlier, message("u", user()))

    assert note.files == FileLists(("r",), ("m",))


def test_a_branch_without_a_conversation_asks_nobody() -> None:
    assert summarised(label("l")) == (BranchNote("No content to summarize"), [])


def test_what_is_left_behind_ends_where_both_branches_part(tmp_path: Path) -> None:
    store = Store.in_memory(tmp_path)
    root, shared, old, older = (store.append_message(user(text)) for text in "1234")
    store.move_to(shared.id)
    other = store.append_message(user("5"))
    store.move_to(older.id)

    assert abandoned_entries(store, other.id) == ([old, older], shared.id)
    assert abandoned_entries(store, root.id) == ([shared, old, older], root.id)
    assert abandoned_entries(store, older.id) == ([], older.id)
    assert ids(abandoned_entries(store, None)[0]) == ids([root, shared, old, older])


def test_a_failing_request_for_a_branch_says_whose_retry_it_is(tmp_path: Path) -> None:
    scripted = ScriptedModel(Reply(error="503: overloaded"), Reply(error="401: no"))
    events: list[Any] = []

    async def publish(event: Any) -> None:
        events.append(event)

    session = make_session(scripted, cwd=tmp_path, settings={"retry": {"baseDelayMs": 0}})
    state = session.state
    with pytest.raises(SummaryError, match="Branch summarization failed: 401: no"):
        asyncio.run(
            summarize_branch(
                [message("u", user())], state.model, summary_ask(state, publish), reserve_tokens=0
            )
        )

    assert SummarizationRetryAttemptStart("branchSummary") in events
    assert [type(event).__name__ for event in events][-1] == "SummarizationRetryFinished"
