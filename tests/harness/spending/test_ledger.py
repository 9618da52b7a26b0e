"""Each request is counted once, whoever repeats its entry, and files are read only as far as they are new."""

import asyncio
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from pi.harness.session import Session
from pi.harness.spending import spend_scan
from pi.harness.spending.ledger import Ledger
from pi.harness.spending.usage_report import By, Row, usage_report
from pi.harness.storage.entries import BranchSummary, CustomEntry, UsageEntry
from pi.harness.storage.store import Store
from pi.llm.messages import AssistantMessage, Cost, Text, ToolResultMessage, Usage, UserMessage
from pi.llm.models import ModelCost
from pi.sdk import ExtensionChoice, create_agent_session
from pi.testing import ScriptedModel

AT = 1_790_000_000_000


def usage(cost: float, tokens: int = 10) -> Usage:
    return Usage(tokens, tokens, tokens, 0, 3 * tokens, Cost(total=cost))


def said(cost: float, model: str = "m", **fields: object) -> AssistantMessage:
    return AssistantMessage((Text("Yes."),), "a", "p", model, usage(cost), "stop", AT, **fields)  # pyright: ignore


def store_in(agent: Path, project: str = "one", *, asks: str = "Do it") -> Store:
    store = Store.create(Path("/", project), directory=agent / "sessions" / f"--{project}--")
    store.append_message(UserMessage(asks, AT))
    return store


def costs(agent: Path, folders: Sequence[Path] = ()) -> list[float]:
    ledger = Ledger(agent, folders)
    ledger.update()
    ledger.save()
    return [spend.cost for _, spend in ledger.spends()]


def rows(agent: Path, by: By) -> list[tuple[str, str, int, float]]:
    found = usage_report(agent, by=(by,)).groups[by]
    return [(row.key, row.name, row.requests, row.cost) for row in found]


def test_all_that_costs_is_counted(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.append_message(said(1))
    store.append_message(ToolResultMessage("c", "t", (), False, AT, usage=usage(2)))
    store.append(UsageEntry, kind="cache_warm", provider="p", model="small", usage=usage(4))
    store.append_compaction("So far", None, 100, usage=usage(8))
    store.append(BranchSummary, from_id=None, summary="Gone", usage=usage(16))
    store.append_message(said(32))
    store.append_message(AssistantMessage((), "a", "p", "m", Usage(), "stop", AT))  # it cost nothing
    assert costs(tmp_path) == [1, 2, 4, 8, 16, 32]
    assert rows(tmp_path, "model") == [("p/m", "p/m", 5, 59.0), ("p/small", "p/small", 1, 4.0)]


def test_a_role_holds_from_its_entry_on(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.append_message(said(1))
    store.append(CustomEntry, custom_type="pi.role", data={"role": "fast"})
    store.append_message(said(2))
    store.append(CustomEntry, custom_type="pi.role", data={"role": None})
    store.append_message(said(4))
    assert rows(tmp_path, "role") == [("", "(none)", 2, 5.0), ("fast", "fast", 1, 2.0)]


def test_forks_clones_and_copies_cost_nothing_again(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.append_message(said(1, response_id="r1"))
    fork = store.fork_to(tmp_path / "sessions" / "--two--", cwd=Path("/two"))
    fork.append_message(said(2))
    clone = store.clone_to(tmp_path / "sessions" / "--one--", leaf=store.leaf)
    clone.append_message(said(4))
    assert store.path is not None
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(store.path, elsewhere / "copy.jsonl")
    assert sorted(costs(tmp_path, [elsewhere])) == [1, 2, 4]
    found = usage_report(tmp_path, by=("session",), folders=[elsewhere]).groups["session"]
    assert {row.key: row.cost for row in found} == {store.id: 1, fork.id: 2, clone.id: 4}


def test_a_spend_outlives_the_file_that_had_it_first(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.append_message(said(1))
    store.fork_to(tmp_path / "sessions" / "--two--", cwd=Path("/two"))
    assert store.path is not None
    store.path.unlink()
    assert rows(tmp_path, "project") == [("/two", "/two", 1, 1.0)]


@pytest.mark.parametrize(("save", "fork"), [(False, False), (True, False), (True, True)])
def test_what_a_child_spends_is_counted_once(tmp_path: Path, *, save: bool, fork: bool) -> None:
    agent, project = tmp_path / "agent", tmp_path / "project"
    project.mkdir()
    price = ModelCost(input=10_000, output=0, cache_read=0, cache_write=0)

    def boss(pi: object) -> None:
        pass

    async def main() -> Session:
        session = await create_agent_session(
            cwd=project,
            agent_dir=agent,
            model=ScriptedModel("One.", "Two.", "Three.", cost=price).model,
            store=Store.create(project, directory=agent / "sessions" / "--project--"),
            extensions=ExtensionChoice(inline=(boss,), find=False),
        )
        async with session:
            await session.start()
            await session.prompt("Begin")
            ctx = session.extensions.ctx_of("boss")  # pyright: ignore
            async with await ctx.child(save=save, fork=fork) as child:
                await child.run("Help")
            await session.prompt("End")
        return session

    session = asyncio.run(main())
    assert costs(agent) == [1, 1, 1]
    assert rows(agent, "session") == [(session.store.id, "Begin", 3, 3.0)]


def test_only_what_is_new_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = store_in(tmp_path)
    store.append_message(said(1))
    assert costs(tmp_path) == [1]
    taken: list[bytes] = []
    real = spend_scan._take  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(spend_scan, "_take", lambda into, data: (taken.append(data), real(into, data)))
    assert costs(tmp_path) == [1]
    entry = store.append_message(said(2))
    assert costs(tmp_path) == [1, 2]
    assert taken == [store.raw(entry.id) + b"\n"]


def test_a_file_that_was_rewritten_is_read_anew(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.append_message(said(1))
    store.append_message(said(2))
    assert costs(tmp_path) == [1, 2]
    assert store.path is not None
    lines = store.path.read_bytes().splitlines(keepends=True)
    store.path.write_bytes(b"".join([*lines[:2], *lines[3:]]) + b" " * 2_000 + b"\n")
    assert costs(tmp_path) == [2]


def test_half_a_line_waits_for_its_other_half(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.append_message(said(1))
    entry = store.append_message(said(2))
    assert store.path is not None
    data = store.path.read_bytes()
    store.path.write_bytes(data[:-20])
    assert costs(tmp_path) == [1]
    store.path.write_bytes(data.removesuffix(b"\n"))
    assert costs(tmp_path) == [1, 2]  # the last line may have no end
    store.path.write_bytes(data + b"\n")
    assert costs(tmp_path) == [1, 2]
    assert store.raw(entry.id) in data


def test_foreign_and_broken_lines_dont_disturb(tmp_path: Path) -> None:
    folder = tmp_path / "sessions" / "--x--"
    folder.mkdir(parents=True)
    spent = {"input": 3.0, "output": None, "cost": {"total": 7}}
    lines = [
        {"type": "session", "version": 3, "id": "s", "timestamp": "2026-11-01T00:00:00.000Z", "cwd": "/x"},
        {"timestamp": "2026-11-01T00:00:01.000Z", "id": "1", "type": "somebody's", "usage": spent},
        {"type": "message", "id": "2", "message": {"role": "assistant", "usage": "none"}},
        {"type": "message", "id": "3", "timestamp": "2026-11-01T00:00:02.000Z", "message": {"usage": spent}},
    ]
    text = "\n".join(json.dumps(line) for line in lines)
    (folder / "a.jsonl").write_text(f'{text}\n{{"usage"\n[1, "usage"]\n', encoding="utf-8")
    (folder / "b.jsonl").write_text("no session\n", encoding="utf-8")
    assert costs(tmp_path) == [7]


def test_old_files_count_too(tmp_path: Path) -> None:
    folder = tmp_path / "sessions" / "--x--"
    folder.mkdir(parents=True)
    message = {
        "role": "assistant",
        "provider": "p",
        "model": "m",
        "usage": {"input": 5, "cost": {"total": 3}},
    }
    lines = [
        {"type": "session", "id": "s", "timestamp": "2025-11-01T00:00:00.000Z", "cwd": "/x"},
        {"type": "message", "timestamp": "2025-11-01T00:00:01.000Z", "message": message},
    ]
    (folder / "a.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n", encoding="utf-8")
    assert rows(tmp_path, "provider") == [("p", "p", 1, 3.0)]


def test_a_broken_cache_is_made_anew(tmp_path: Path) -> None:
    store_in(tmp_path).append_message(said(1))
    assert costs(tmp_path) == [1]
    [cache] = (tmp_path / "usage").iterdir()
    cache.write_bytes(b'{"format":1')
    assert costs(tmp_path) == [1]
    if os.name != "nt":
        assert cache.stat().st_mode & 0o777 == 0o600


def test_a_session_is_called_by_its_name_or_by_what_was_asked_first(tmp_path: Path) -> None:
    one, two = store_in(tmp_path, asks="Fix\x1b[31m \n it"), store_in(tmp_path, "two")
    one.append_message(said(1))
    two.append_message(said(2))
    two.append_session_info("Second")
    assert rows(tmp_path, "session") == [(two.id, "Second", 1, 2.0), (one.id, "Fix[31m it", 1, 1.0)]


def test_the_report_adds_up(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.append_message(said(1))
    store.append_message(said(3, "n"))
    report = usage_report(tmp_path)
    rows = (
        Row("p/n", "p/n", 1, 10, 10, 10, 0, 3.0, 0.75),
        Row("p/m", "p/m", 1, 10, 10, 10, 0, 1.0, 0.25),
    )
    assert report.groups == {"model": rows}
    assert report.total == Row("", "Total", 2, 20, 20, 20, 0, 4.0, 1.0)
    [limits] = report.limits
    assert (limits.provider, limits.spent_5_hours, limits.spent_7_days, limits.windows) == ("p", 4.0, 4.0, ())


def test_a_time_that_is_over_is_left_out(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    entry = store.append_message(said(1))
    at = spend_scan.iso_ms(entry.timestamp)
    assert usage_report(tmp_path, since_ms=at).total.requests == 1
    assert usage_report(tmp_path, since_ms=at + 1).total.requests == 0
    assert usage_report(tmp_path, until_ms=at).total.requests == 0
    assert usage_report(tmp_path, until_ms=at + 1).total.requests == 1
