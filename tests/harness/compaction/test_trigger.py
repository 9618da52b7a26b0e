"""Whether to compact: what an answer tells about the window of the model that is asked next."""

from pathlib import Path

from pi.harness.compaction.trigger import entries_since, overflowed
from pi.harness.storage.store import Store
from pi.llm.messages import AssistantMessage
from pi.llm.models import Model
from tests.harness.compaction.history import answer, hide, message, user

MODEL = Model("scripted", "faux", "faux", "", context_window=1_000, max_tokens=100)
TOO_LONG = answer(stop="error", error="prompt is too long")
OVER = answer("x", used=1_001)


def test_the_entries_since_an_answer_begin_with_its_own(tmp_path: Path) -> None:
    store = Store.in_memory(tmp_path)
    store.append_message(user())
    said = store.append_message(OVER)
    later = store.append_label(said.id, "here")

    assert entries_since(store, OVER) == [said, later]


def test_an_answer_from_before_a_compaction_is_history(tmp_path: Path) -> None:
    store = Store.in_memory(tmp_path)
    said = store.append_message(OVER)
    store.append_compaction("summary", said.id, 1)

    assert entries_since(store, OVER) is None


def test_an_answer_that_the_session_does_not_hold_tells_nothing(tmp_path: Path) -> None:
    store = Store.in_memory(tmp_path)
    store.append_message(user())

    assert entries_since(store, OVER) is None


def judged(said: AssistantMessage, *, model: Model = MODEL, edited: bool = False) -> bool:
    since = [message("a", said), *([hide("h", "u")] if edited else [])]
    return overflowed(said, since, model)


def test_a_refused_request_was_too_long_whatever_was_edited_since() -> None:
    assert judged(TOO_LONG)
    assert judged(TOO_LONG, edited=True)


def test_usage_beyond_the_window_counts_until_an_edit_shortens_what_it_counted() -> None:
    assert judged(OVER)
    assert not judged(OVER, edited=True)
    assert not judged(answer("x", used=999))


def test_an_answer_that_was_cut_before_its_limit_lacked_room() -> None:
    assert judged(answer("x", stop="length"), edited=True)


def test_another_models_overflow_is_not_this_ones() -> None:
    bigger = Model("bigger", "faux", "faux", "", context_window=1_000)
    elsewhere = Model("scripted", "other", "faux", "", context_window=1_000)

    assert not any(judged(said, model=model) for said in (TOO_LONG, OVER) for model in (bigger, elsewhere))
