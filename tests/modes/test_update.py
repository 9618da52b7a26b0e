"""`pi update --models` as a process: what it tells, and what it leaves alone."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.llm.lists import Lists, reply

KEY = "GET /groq.json"


@pytest.fixture
def lists() -> Iterator[Lists]:
    with Lists().running() as server:
        yield server


def run(folder: Path, *words: str, **env: str) -> "subprocess.CompletedProcess[str]":
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "SYSTEMROOT") if name in os.environ}
    own = {"HOME": str(folder), "PI_CODING_AGENT_DIR": str(folder), "NO_PROXY": "127.0.0.1"}
    return subprocess.run(
        [sys.executable, "-m", "pi", "update", *words],
        env={**kept, **own, **env},
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
    )


def model(id: str, window: int, price: float) -> dict[str, object]:
    url = "https://api.groq.com/openai/v1"
    cost = {"input": price, "output": 1, "cacheRead": 0, "cacheWrite": 0}
    fields = {"id": id, "api": "openai-completions", "baseUrl": url, "cost": cost}
    return {**fields, "contextWindow": window, "maxTokens": 5}


def test_it_tells_what_is_new_gone_and_different(tmp_path: Path, lists: Lists) -> None:
    url = f"{lists.url}/{{provider}}.json"
    (tmp_path / "settings.json").write_text(f'{{"modelCatalogUrl": "{url}"}}')
    lists.answers[KEY] = reply([model("a", 1000, 1), model("b", 10, 1)])
    first = run(tmp_path, "--models", "groq")
    lists.answers[KEY] = reply([model("a", 2000, 0.5), model("c", 10, 1)])
    second = run(tmp_path, "--models", "groq")

    told = f"Catalogs from {lists.url}: 1 new.\n"
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == f"groq: 2 new, 0 gone, 0 changed\n  + a\n  + b\n{told}"
    assert second.stdout == (
        "groq: 1 new, 1 gone, 1 changed\n  + c\n  - b\n  ~ a: window 1,000 → 2,000, input $1 → $0.5\n" + told
    )


def test_a_fault_is_told_and_when_all_fail_so_is_the_exit_code(tmp_path: Path, lists: Lists) -> None:
    lists.answers[KEY] = reply(b"<html>")
    done = run(tmp_path, "--models", "groq", PI_MODEL_CATALOG_URL=f"{lists.url}/{{provider}}.json")
    assert done.returncode == 1
    assert done.stderr == "Warning: groq: No catalog: The answer is no list of models.\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--models", "--offline"), "Error: Offline: "),
        (("--models", "nobody"), 'Error: There is no provider "nobody"'),
        (("--everything",), "Error: pi update doesn't know --everything"),
        (("groq",), "Error: Say what to update"),
    ],
)
def test_what_can_not_be_done_is_said(tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    done = run(tmp_path, *words)
    assert done.returncode == 1 and done.stderr.startswith(told)
    assert list(tmp_path.iterdir()) == []


def test_without_a_flag_it_says_what_it_can_do(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert done.returncode == 0 and done.stdout.startswith("Usage: pi update --models")
