"""Ours against what the original did: each recording is replayed with our command and must compare equal."""

import asyncio
import contextlib
import io
import json
import os
import sys
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.conformance.exceptions import DIFFERS, NOT_YET, RACES
from tests.conformance.forgiving import forgiving, mended

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[1]
COPIED = HERE / "golden"
BESIDE = Path(os.environ.get("PI_GOLDEN", CHECKOUT.parent / "shared" / "golden"))
SOURCE = BESIDE if BESIDE.is_dir() else COPIED
sys.path.insert(0, str(SOURCE))


def scenarios() -> list[Path]:
    return sorted(path.parent for path in (SOURCE / "open").glob("*/*/scenario.json"))


def name_of(folder: Path) -> str:
    return f"{folder.parent.name}/{folder.name}"


def reason_to_skip(name: str) -> str | None:
    for pattern, reason in {**DIFFERS, **NOT_YET}.items():
        if fnmatchcase(name, pattern):
            return reason
    return None


@pytest.mark.conformance
@pytest.mark.parametrize("folder", scenarios(), ids=name_of)
def test_equals_the_recording(folder: Path, tmp_path: Path) -> None:
    if reason := reason_to_skip(name_of(folder)):
        pytest.skip(reason)
    for attempt in range(3 if name_of(folder) in RACES else 1):
        fresh = tmp_path / str(attempt) / folder.parent.name / folder.name
        same, report = replay(folder, fresh)
        if same:
            break
    stderr = [run["stderr"] for run in json.loads((fresh / "result.json").read_text())["runs"]]
    assert same, f"{report}\nstderr: {stderr}"


def replay(folder: Path, fresh: Path) -> tuple[bool, str]:
    import compare
    import record

    name = name_of(folder)
    scenario = mended(name, json.loads((folder / "scenario.json").read_text(encoding="utf-8")))
    asyncio.run(record.record(scenario, fresh, [sys.executable, "-m", "pi"]))
    report, events = io.StringIO(), compare.events
    compare.events = forgiving(name, events)
    try:
        with contextlib.redirect_stdout(report):
            return compare.compare(folder, fresh), report.getvalue()
    finally:
        compare.events = events


def test_every_exception_still_names_a_recording() -> None:
    if SOURCE is COPIED:
        pytest.skip("the whole collection isn't beside this checkout")
    names = [name_of(folder) for folder in scenarios()]
    idle = [
        pattern for pattern in {**DIFFERS, **NOT_YET} if not any(fnmatchcase(name, pattern) for name in names)
    ]
    assert idle == []
