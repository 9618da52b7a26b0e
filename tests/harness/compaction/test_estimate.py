"""The size of the context: reported usage while it describes what stands there, an estimate otherwise."""

from pathlib import Path

import pytest

from pi.harness.compaction.estimate import context_size, estimate
from pi.harness.storage.entries import (
    BashExecutionMessage,
    BranchSummaryMessage,
    CompactionSummaryMessage,
    CustomMessage,
)
from pi.harness.storage.store import Store
from pi.llm.messages import Image, StopReason, SystemMessage, Text
from tests.harness.compaction.history import answer, user

LONG = "x" * 400


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.in_memory(tmp_path)


def test_the_last_answers_usage_and_what_came_after_it(store: Store) -> None:
    for said in (user(LONG), answer(LONG, used=5_000), user("12345678"), answer("1234")):
        store.append_message(said)

    assert context_size(store) == 5_000 + 2 + 1


@pytest.mark.parametrize("stop", ["error", "aborted"])
def test_a_failed_answer_tells_nothing(store: Store, stop: StopReason) -> None:
    for said in (user(), answer("1234", used=500), user("1234"), answer("", used=90_000, stop=stop)):
        store.append_message(said)

    assert context_size(store) == 501


def test_usage_from_before_an_edit_is_not_believed(store: Store) -> None:
    entries = [store.append_message(said) for said in (user("1234"), answer(LONG, used=90_000), user("1234"))]
    store.append_context_edit(entries[1].id, None)

    assert context_size(store) == 2


def test_usage_from_before_a_compaction_is_not_believed(store: Store) -> None:
    for said in (user(LONG), answer("1234", used=90_000)):
        entry = store.append_message(said)
    store.append_compaction("12345678", entry.id, 90_000)

    assert context_size(store) == 2 + 1

    store.append_message(answer("1234", used=70))
    assert context_size(store) == 70


def test_without_usage_the_prompt_counts_once_as_it_is_now(store: Store) -> None:
    store.append_message(SystemMessage("", 1, {"a": LONG}))
    store.append_message(user("1234"))
    store.append_message(SystemMessage("", 2, {"a": "1234"}))

    assert context_size(store) == 1 + 1


def test_an_empty_session_is_empty(store: Store) -> None:
    assert context_size(store) == 0


def test_what_only_the_harness_has_counts_as_the_text_that_it_becomes() -> None:
    ran = BashExecutionMessage("1234", "1234", cancelled=False, truncated=False, timestamp=1)
    secret = BashExecutionMessage(
        "1", "1", cancelled=False, truncated=False, timestamp=1, exclude_from_context=True
    )

    assert estimate(ran) == 2
    assert estimate(secret) == 0
    assert estimate(CustomMessage("t", (Text("1234"), Image("A", "image/png")), True, 1)) == 1 + 1_200
    assert estimate(BranchSummaryMessage("1234", "x", 1)) == 1
    assert estimate(CompactionSummaryMessage("12345678", 1, 1)) == 2
