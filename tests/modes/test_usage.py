"""`pi usage` tells what was spent, and what is left, as a table, JSON and a page that loads nothing."""

import json
import os
import re
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path

import pytest

from pi.harness.spending.usage_report import ProviderLimits, Row, UsageReport
from pi.harness.storage.store import Store
from pi.llm.messages import AssistantMessage, Cost, Text, Usage, UserMessage
from pi.llm.quota import Window
from pi.modes.usage import as_json
from pi.modes.usage.page import as_page
from pi.modes.usage.table import as_table

NOW = 1_800_000_000_000  # 2027-01-15 08:00 UTC
HOUR = 3_600_000
EVIL = "<script>alert('&')</script>"


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def report() -> UsageReport:
    rows = (
        Row("a/big", "a/big", 12, 3_000, 200, 45_000, 800, 3.0, 0.75),
        Row("b/small", "b/small", 1, 10, 1, 0, 0, 0.0025, 0.000625),
    )
    windows = (
        Window("5h", 0.42, resets_at_ms=NOW + 2 * HOUR + 600_000),
        Window("week", 1.0, resets_at_ms=NOW + 75 * HOUR),
        Window("credits", 0.25, 20, 15),
    )
    limits = (
        ProviderLimits("a", windows, NOW - 60_000, 1.0, 3.0),
        ProviderLimits("b", (), None, 0.0, 0.0025),
    )
    total = Row("", "Total", 13, 3_010, 201, 45_000, 800, 3.0025, 1.0)
    return UsageReport(NOW, NOW - 24 * HOUR, None, total, {"model": rows}, limits)


def test_the_table_is_aligned_and_has_all() -> None:
    assert (
        as_table(report())
        == """\
From 2027-01-14, by model

model    requests  input  output  cache read  cache write     cost    share
a/big          12  3,000     200      45,000          800    $3.00   75.0 %
b/small         1     10       1           0            0  $0.0025    0.1 %
---------------------------------------------------------------------------
Total          13  3,010     201      45,000          800    $3.00  100.0 %

Limits
  a  5h          42 % used                         resets in 2 h 10 min, at 10:10
     week        100 % used                        resets in 3 d 3 h, on Mon 18 Jan at 11:00
     credits     25 % used, $15.00 of $20.00 left
     spent here  $1.00 in 5 h, $3.00 in 7 days     told at 07:59
  b  spent here  $0.00 in 5 h, $0.0025 in 7 days"""
    )


def test_json_has_the_same() -> None:
    value = json.loads(as_json(report()))
    assert value["groups"]["model"][0] == {
        "key": "a/big",
        "name": "a/big",
        "requests": 12,
        "input": 3000,
        "output": 200,
        "cacheRead": 45000,
        "cacheWrite": 800,
        "cost": 3.0,
        "share": 0.75,
    }
    assert value["limits"][0]["windows"][0] == {"name": "5h", "used": 0.42, "resetsAtMs": NOW + 7_800_000}
    assert (value["madeAtMs"], value["sinceMs"], value["untilMs"]) == (NOW, NOW - 24 * HOUR, None)


class Tags(HTMLParser):
    """Tags and attributes; what opens must close."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in ("meta",):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_escapes_everything_and_loads_nothing() -> None:
    row = Row(EVIL, EVIL, 1, 1, 1, 1, 1, 1.0, 1.0)
    days = (
        Row("2026-12-30", "2026-12-30", 1, 1, 1, 1, 1, 1.0, 0.5),
        Row("2027-01-02", "2027-01-02", 1, 1, 1, 1, 1, 1.0, 0.5),
    )
    limits = (ProviderLimits(EVIL, (Window(EVIL, 0.9),), None, 0.0, 0.0),)
    page = as_page(UsageReport(NOW, None, None, row, {"session": (row,), "day": days, "role": ()}, limits))
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert not tags.seen & {"script", "link", "img", "iframe", "object"}
    assert not tags.attributes & {"src", "href", "onclick", "onload"}
    assert "url(" not in page
    assert page.count("<title>20") == 4  # two days had nothing
    assert "prefers-color-scheme:dark" in page


def pi(agent: Path, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    env = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    env |= {"HOME": str(cwd), "PI_CODING_AGENT_DIR": str(agent), "TZ": "UTC"}
    argv = [sys.executable, "-m", "pi", "usage", *words]
    return subprocess.run(argv, cwd=cwd, env=env, capture_output=True, text=True, check=False)


@pytest.fixture
def agent(tmp_path: Path) -> Path:
    agent = tmp_path / "agent"
    store = Store.create(tmp_path, directory=agent / "sessions" / "--p--")
    store.append_message(UserMessage("Say \x1b[2J", 0))
    usage = Usage(100, 20, 0, 0, 120, Cost(total=0.5))
    store.append_message(AssistantMessage((Text("Hi"),), "a", "p", "m", usage, "stop", 0))
    return agent


def test_the_command_reads_the_sessions(agent: Path, tmp_path: Path) -> None:
    done = pi(agent, "--by", "session", "--days=1", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^Say \[2J +1 +100 +20 +0 +0 +\$0\.50 +100\.0 %$", done.stdout, re.MULTILINE)
    value = json.loads(pi(agent, "--json", "--until", "2026-01-01", cwd=tmp_path).stdout)
    assert (value["total"]["requests"], value["groups"]) == (0, {"model": []})


def test_the_page_is_written_where_it_was_wanted(agent: Path, tmp_path: Path) -> None:
    done = pi(agent, "--html", "out.html", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "Written to out.html\n")
    page = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert all(
        f"<h2>By {way}</h2>" in page for way in ("model", "provider", "role", "session", "day", "project")
    )


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["--by", "week"], "--by is one of model, provider, role, session, day, project, not week."),
        (["--since", "soon"], "--since is a day like 2026-11-01 or a time like 2026-11-01T14:00, not soon."),
        (["--days", "0"], "--days is a number of days from 1 on, not 0."),
        (["--days", "1", "--since", "2026-11-01"], "--days and --since say the same: leave one of them out."),
        (["--html"], "--html needs a value. See pi usage --help."),
        (["week"], "pi usage doesn't know week. See pi usage --help."),
    ],
)
def test_a_wrong_word_is_told(words: list[str], fault: str, agent: Path, tmp_path: Path) -> None:
    done = pi(agent, *words, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"Error: {fault}\n")
