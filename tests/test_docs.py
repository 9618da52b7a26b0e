"""The documentation's examples work: commands parse, JSON is what Pi reads, links lead somewhere."""

import json
import re
import shlex
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec
import pytest

from pi.cli import auth, main, usage
from pi.cli.options import parse
from pi.harness.events import CacheMiss, ModelFailover, SessionWarning
from pi.harness.settings import DEFAULTS, USER_ONLY
from pi.harness.storage.files import session_dir
from pi.llm.registry import ModelRegistry
from pi.modes import update
from tests.harness.storage.test_listing import entry, said, write

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PI = re.compile(r"(?:^|\| )pi (?!install|demo|doctor)(?:tokens )?(.*)$")
# Commands with options of their own, and what reads these.
READERS: dict[str, Callable[[list[str]], object]] = {
    "auth": lambda words: auth.understood(words[0], words[1:]),
    "update": update._understood,
    "usage": lambda words: usage._understood(words, datetime(2027, 1, 14)),
}


def blocks(page: Path, language: str) -> list[str]:
    return [body for kind, body in FENCE.findall(page.read_text(encoding="utf-8")) if kind == language]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_are_understood(page: Path) -> None:
    for block in blocks(page, "sh"):
        for line in block.splitlines():
            if found := PI.search(line):
                words = shlex.split(found[1], comments=True)
                read = READERS.get(words[0]) if words else None
                read(words[1:]) if read else parse(words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_json_is_json(page: Path) -> None:
    for block in blocks(page, "json"):
        try:
            json.loads(block)
        except ValueError:
            for line in block.splitlines():
                json.loads(line)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", text):
        assert target.startswith("http") or (page.parent / target).exists(), target


def test_models_json_examples_are_taken_without_a_warning(tmp_path: Path) -> None:
    found = 0
    for page in PAGES:
        for block in blocks(page, "json"):
            if '"providers"' in block:
                (tmp_path / "models.json").write_text(block)
                registry = ModelRegistry(tmp_path, env={})
                assert registry.all()
                assert registry.warnings == []
                found += 1
    assert found >= 2


def test_every_default_setting_is_documented() -> None:
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    leaves = {path.rpartition(".")[2] for path in DEFAULTS}
    assert [leaf for leaf in sorted(leaves) if leaf not in text] == []


def test_every_setting_that_only_the_user_decides_is_marked() -> None:
    lines = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8").splitlines()
    marked = {name for line in lines if "yours only" in line for name in re.findall(r"^\| `(\w+)`", line)}
    assert marked == set(USER_ONLY)


def test_the_events_of_models_and_spending_are_documented_with_their_fields() -> None:
    text = (ROOT / "docs" / "json.md").read_text(encoding="utf-8")
    for kind in (ModelFailover, SessionWarning, CacheMiss):
        (line,) = [line for line in text.splitlines() if line.startswith(f"| `{kind.__struct_config__.tag}`")]
        fields = [field.encode_name for field in msgspec.structs.fields(kind)]
        assert re.findall(r"`(\w+)`", line.split("|")[2]) == fields


def test_the_examples_of_session_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    agent, project = tmp_path / "agent", tmp_path / "project"
    for name, value in {"PI_CODING_AGENT_DIR": str(agent), "PATH": ""}.items():  # no trash
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("PI_CODING_AGENT_SESSION_DIR", raising=False)
    project.mkdir()
    monkeypatch.chdir(project)
    lines = [said(1, "Count a token in the parser"), {"type": "custom", **entry(2), "id": "aaaaaaa1"}]
    stored = write(session_dir(agent, project, env={}).path, "0199a7e3-1", *lines)
    write(project, "talk", said(1, "x"))
    section = (ROOT / "docs" / "sessions.md").read_text(encoding="utf-8").partition("## List")[2]
    (block,) = [body for kind, body in FENCE.findall(section) if kind == "sh"]

    codes = {line: main(shlex.split(line, comments=True)[1:]) for line in block.splitlines()}

    assert set(codes.values()) == {0}, codes
    assert not stored.exists()
    assert sorted(path.name for path in project.iterdir()) == [
        "branch.jsonl",
        "copy.jsonl",
        "pi-session-0199a7e3-1.jsonl",
        "pi-session-talk.html",
        "talk.html",
        "talk.jsonl",
    ]
    assert (stored.parent / "branch.jsonl").read_bytes() == (project / "branch.jsonl").read_bytes()
