"""What providers last said of their limits is shared by all sessions of a user."""

import json
from pathlib import Path

from pi.harness.spending.limits_book import FORGET_MS, PAUSE_MS, Heard, LimitsBook
from pi.llm.quota import Window

START = 1_800_000_000_000


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> int:
        return self.now


def five_hours(share: str, resets_at_s: int) -> dict[str, str]:
    prefix = "anthropic-ratelimit-unified-5h"
    return {f"{prefix}-utilization": share, f"{prefix}-reset": str(resets_at_s)}


def test_what_one_session_hears_others_know_at_its_end(tmp_path: Path) -> None:
    clock = Clock()
    one, two = LimitsBook(tmp_path, now=clock), LimitsBook(tmp_path, now=clock)
    one.seen("anthropic", five_hours("0.5", 1_800_003_600))
    window = Window("5h", 0.5, resets_at_ms=1_800_003_600_000)
    assert one.windows("anthropic") == (window,)
    assert two.windows("anthropic") == ()
    one.close()
    assert two.heard() == {"anthropic": Heard(START, (window,))}


def test_answers_without_limits_write_nothing(tmp_path: Path) -> None:
    book = LimitsBook(tmp_path)
    book.seen("anthropic", {"content-type": "application/json"})
    book.close()
    assert list(tmp_path.iterdir()) == []


def test_it_is_written_every_few_seconds_at_most(tmp_path: Path) -> None:
    clock = Clock()
    book, file = LimitsBook(tmp_path, now=clock), tmp_path / "limits.json"
    book.seen("anthropic", five_hours("0.1", 1_800_003_600))
    assert not file.exists()
    clock.now += PAUSE_MS
    book.seen("anthropic", five_hours("0.2", 1_800_003_600))
    written = file.read_bytes()
    assert json.loads(written)["providers"]["anthropic"]["windows"][0]["used"] == 0.2
    clock.now += PAUSE_MS - 1
    book.seen("anthropic", five_hours("0.3", 1_800_003_600))
    assert file.read_bytes() == written


def test_sessions_keep_what_the_other_has_written(tmp_path: Path) -> None:
    clock = Clock()
    one, two = LimitsBook(tmp_path, now=clock), LimitsBook(tmp_path, now=clock)
    one.take("a", [Window("5h", 0.1), Window("week", 0.1)])
    clock.now += 1
    two.take("a", [Window("5h", 0.2)])
    two.take("b", [Window("requests", None, 5, 4)])
    two.close()
    one.close()  # what it heard is older
    known = LimitsBook(tmp_path, now=clock).heard()
    assert known == {
        "a": Heard(START + 1, (Window("5h", 0.2), Window("week", 0.1))),
        "b": Heard(START + 1, (Window("requests", None, 5, 4),)),
    }


def test_a_window_that_began_anew_is_unknown(tmp_path: Path) -> None:
    clock = Clock()
    book = LimitsBook(tmp_path, now=clock)
    book.take("a", [Window("5h", 1.0, resets_at_ms=START + 10), Window("week", 0.5)])
    clock.now += 11
    assert book.windows("a") == (Window("week", 0.5),)
    clock.now = START + FORGET_MS
    assert book.heard() == {}


def test_the_latest_reset_of_what_is_used_up_counts(tmp_path: Path) -> None:
    book = LimitsBook(tmp_path, now=Clock())
    assert book.resets_at("a") is None
    book.take("a", [Window("5h", 0.5, resets_at_ms=START + 10), Window("week", 0.9)])
    assert book.resets_at("a") is None
    book.take("a", [Window("5h", 1.0, resets_at_ms=START + 10), Window("week", 1.0, resets_at_ms=START + 99)])
    assert book.resets_at("a") == START + 99


def test_a_file_that_cant_be_read_or_written_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "limits.json").write_text("{", encoding="utf-8")
    book = LimitsBook(tmp_path)
    assert book.heard() == {}
    book.take("a", [Window("week", 0.5)])
    book.close()
    assert LimitsBook(tmp_path).windows("a") == (Window("week", 0.5),)
    blocked = LimitsBook(tmp_path / "limits.json")  # a file where a folder should be
    blocked.take("a", [Window("week", 0.6)])
    blocked.close()
    assert blocked.windows("a") == (Window("week", 0.6),)
