"""The cut: where a conversation is divided into what is summarised and what stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi.harness.compaction.cut import Cut, find_cut
from pi.harness.compaction.estimate import estimate_all
from pi.harness.context import project
from pi.harness.storage.entries import Entry, MessageEntry
from pi.llm.messages import AssistantMessage, SystemMessage, ToolResultMessage, UserMessage
from tests.harness.compaction.history import answer, call_of, change, hide, label, message, result, user

LONG = "x" * 400  # 100 tokens


def cut(keep: int, *entries: Entry) -> Cut | None:
    return find_cut(project(entries), keep)


KINDS = {
    "user": lambda text: user(text),
    "answer": lambda text: answer(text),
    "call": lambda text: answer(text, call_of("read", path=text)),
    "result": lambda text: result(text),
    "system": lambda text: SystemMessage(text, 1),
}


@st.composite
def histories(draw: st.DrawFn) -> list[Entry]:
    drawn = draw(
        st.lists(st.tuples(st.sampled_from([*KINDS, "label", "hide"]), st.integers(1, 300)), max_size=14)
    )
    entries: list[Entry] = []
    for number, (kind, length) in enumerate(drawn):
        id = f"e{number}"
        if kind == "label":
            entries.append(label(id))
        elif kind == "hide":
            earlier = [entry.id for entry in entries if isinstance(entry, MessageEntry)]
            if earlier:
                entries.append(hide(id, draw(st.sampled_from(earlier))))
        else:
            entries.append(message(id, KINDS[kind]("x" * length)))
    return entries


@given(histories(), st.integers(0, 300))
def test_what_is_kept_begins_with_a_message_of_the_user_or_a_model(entries: list[Entry], keep: int) -> None:
    projected = project(entries)
    found = find_cut(projected, keep)
    told = [messages[0] for _, messages in projected[found.first_kept :] if messages] if found else []

    assert not told or isinstance(told[0], UserMessage | AssistantMessage)
    if found is None:
        assert not any(
            isinstance(message, UserMessage | AssistantMessage) for _, told in projected for message in told
        )


@given(histories(), st.integers(0, 300))
def test_no_result_is_kept_without_its_call(entries: list[Entry], keep: int) -> None:
    projected = project(entries)
    found = find_cut(projected, keep)
    kept = [messages[0] for _, messages in projected[found.first_kept :] if messages] if found else []

    assert not kept or not isinstance(kept[0], ToolResultMessage)


@given(histories().filter(lambda it: not any(entry.id and not hasattr(entry, "message") for entry in it)))
def test_what_is_kept_reaches_the_budget_from_the_cut_before_it(entries: list[Entry]) -> None:
    projected = project(entries)
    points = [
        index
        for index, (_, told) in enumerate(projected)
        if told and isinstance(told[0], UserMessage | AssistantMessage)
    ]
    for keep in (1, 50, 150):
        found = find_cut(projected, keep)
        if found is None:
            continue
        assert found.first_kept in points
        earlier = [point for point in points if point < found.first_kept]
        if earlier:  # one cut earlier would have kept at least the budget
            assert estimate_all(m for _, told in projected[earlier[-1] :] for m in told) >= keep


@given(histories(), st.integers(0, 300))
def test_a_split_turn_begins_with_the_user_before_the_cut(entries: list[Entry], keep: int) -> None:
    projected = project(entries)
    found = find_cut(projected, keep)

    if found and found.turn_start is not None:
        assert found.turn_start < found.first_kept
        assert isinstance(projected[found.turn_start][1][0], UserMessage)
        between = projected[found.turn_start + 1 : found.first_kept]
        assert not any(isinstance(message, UserMessage) for _, told in between for message in told)


def test_a_cut_between_turns_splits_none() -> None:
    history = [message("u1", user()), message("a1", answer(LONG)), message("u2", user(LONG))]

    assert cut(100, *history) == Cut(2)


def test_a_cut_inside_a_turn_tells_where_the_turn_began() -> None:
    history = [message("u", user()), message("a1", answer(LONG)), message("a2", answer(LONG))]

    assert cut(100, *history) == Cut(2, turn_start=0)


def test_results_that_are_more_than_the_budget_keep_the_call_before_them() -> None:
    history = [
        message("u", user()),
        message("a1", answer("", call_of("read", path="a"))),
        message("r1", result(LONG)),
        message("a2", answer("", call_of("read", path="b"))),
        message("r2", result(LONG)),
    ]

    assert cut(50, *history) == Cut(3, turn_start=0)


def test_a_conversation_shorter_than_the_budget_is_kept_whole() -> None:
    assert cut(1000, message("s", SystemMessage("rules", 1)), message("u", user())) == Cut(1)


def test_entries_that_the_model_does_not_see_stay_with_what_follows_them() -> None:
    history = [message("u", user()), message("a", answer(LONG)), label("l"), message("b", answer(LONG))]

    assert cut(100, *history) == Cut(2, turn_start=0)


@pytest.mark.parametrize("extra", [[], [label("l")]])
def test_an_input_that_was_too_long_is_summarised_and_its_failed_answer_stays_hidden(
    extra: list[Entry],
) -> None:
    history = [
        message("u1", user()),
        message("a1", answer("fine")),
        message("u2", user(LONG)),
        message("a2", answer(stop="error", error="too long")),
        hide("e", "a2"),
        *extra,
    ]

    assert cut(100, *history) == Cut(3, turn_start=2)


def test_an_input_that_was_changed_after_the_failure_is_kept() -> None:
    history = [
        message("u", user()),
        message("v", user(LONG)),
        message("a", answer(stop="error", error="too long")),
        change("c", "v", LONG),
        hide("e", "a"),
    ]

    assert cut(100, *history) == Cut(1)


def test_bookkeeping_alone_never_moves_the_cut_past_what_the_user_said() -> None:
    assert cut(100, message("u", user()), message("v", user(LONG)), label("l")) == Cut(1)
