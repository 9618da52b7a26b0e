"""Context files, prompt files, trust and the system prompt that is made of them."""

import json
from pathlib import Path

import msgspec
import pytest

from pi.harness.resources import find_context_files, prompt_file, text_or_file
from pi.harness.system_prompt import build_sections, changed_sections
from pi.harness.trust import is_trusted
from pi.tools.bash import bash_tool
from pi.tools.edit import edit_tool
from pi.tools.read import read_tool
from pi.tools.write import write_tool

TOOLS = (read_tool(), bash_tool(), edit_tool(), write_tool())


def write(path: Path, text: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def found(cwd: Path, agent_dir: Path) -> list[str]:
    warnings: list[str] = []
    files = find_context_files(cwd, agent_dir, warnings)
    assert warnings == []
    return [file.text for file in files if file.path.is_relative_to(agent_dir.parent)]


def test_context_files_come_from_the_agent_dir_then_from_the_root_down(tmp_path: Path) -> None:
    cwd = tmp_path / "a" / "b"
    write(tmp_path / "agent" / "AGENTS.md", "global")
    write(tmp_path / "a" / "CLAUDE.md", "outer")
    write(cwd / "AGENTS.md", "inner")

    assert found(cwd, tmp_path / "agent") == ["global", "outer", "inner"]


def test_one_file_counts_in_each_folder_and_an_override_first(tmp_path: Path) -> None:
    for name in ("CLAUDE.md", "AGENTS.md", "AGENTS.override.md"):
        write(tmp_path / "work" / name, name)

    assert found(tmp_path / "work", tmp_path / "agent") == ["AGENTS.override.md"]


def test_a_worktrees_copy_shadows_the_main_repositorys(tmp_path: Path) -> None:
    main = tmp_path / "main"
    tree = main / "trees" / "feature"
    (main / ".git" / "worktrees" / "feature").mkdir(parents=True)
    write(main / "AGENTS.md", "main copy")
    write(tree / "AGENTS.md", "worktree copy")
    write(tree / ".git", f"gitdir: {main / '.git' / 'worktrees' / 'feature'}\n")

    assert found(tree, tmp_path / "agent") == ["worktree copy"]


def test_a_byte_order_mark_goes_and_odd_bytes_stay_readable(tmp_path: Path) -> None:
    (tmp_path / "AGENTS.md").write_bytes(b"\xef\xbb\xbfcaf\xe9")

    assert found(tmp_path, tmp_path / "agent") == ["caf\ufffd"]


def test_a_trusted_projects_prompt_file_beats_the_users(tmp_path: Path) -> None:
    write(tmp_path / "agent" / "SYSTEM.md", "user")
    write(tmp_path / "work" / ".pi" / "SYSTEM.md", "project")

    assert prompt_file("SYSTEM.md", cwd=tmp_path / "work", agent_dir=tmp_path / "agent") == "project"
    assert prompt_file("SYSTEM.md", cwd=None, agent_dir=tmp_path / "agent") == "user"
    assert prompt_file("APPEND_SYSTEM.md", cwd=None, agent_dir=tmp_path / "agent") is None


def test_a_prompt_flag_takes_a_text_or_a_file(tmp_path: Path) -> None:
    path = write(tmp_path / "prompt.txt", "from the file")

    assert text_or_file(str(path)) == "from the file"
    assert text_or_file("Just a text\n" * 1000) == "Just a text\n" * 1000


@pytest.mark.parametrize(
    ("saved", "default", "decision", "trusted"),
    [
        ({}, "ask", None, False),
        ({}, "always", None, True),
        ({"work": True}, "never", None, True),
        ({"": True, "work": False}, "always", None, False),
        ({"": True}, "ask", None, True),
        ({"work": False}, "never", True, True),
        ({"work": True}, "always", False, False),
    ],
)
def test_trust_is_the_flags_then_the_nearest_saved_then_the_default(
    tmp_path: Path, saved: dict[str, bool], default: str, decision: bool | None, trusted: bool
) -> None:
    cwd = tmp_path / "work"
    write(cwd / ".pi" / "settings.json", "{}")
    decisions = {str((tmp_path / name).resolve()): value for name, value in saved.items()}
    write(tmp_path / "agent" / "trust.json", json.dumps(decisions))

    assert is_trusted(cwd, tmp_path / "agent", decision=decision, default=default) is trusted


def test_a_project_that_brings_nothing_needs_no_trust(tmp_path: Path) -> None:
    (tmp_path / ".pi").mkdir()

    assert is_trusted(tmp_path, tmp_path / "agent", decision=None, default="never")


def test_an_unreadable_trust_file_trusts_nothing(tmp_path: Path) -> None:
    write(tmp_path / ".pi" / "settings.json", "{}")
    write(tmp_path / "agent" / "trust.json", "{broken")

    assert not is_trusted(tmp_path, tmp_path / "agent", decision=None, default="ask")


def test_prompt_and_tools_fit_the_budget_of_characters(tmp_path: Path) -> None:
    sections = build_sections(cwd=Path("/work"), tools=TOOLS, docs=Path("/usr/lib/python3/pi/docs"))
    prompt = "\n\n".join(sections.values())
    sent = [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description,
                "parameters": tool.parameters,
                "strict": False,
            },
        }
        for tool in TOOLS
    ]

    assert len(prompt) + len(msgspec.json.encode(sent)) <= 4_000


def test_a_custom_prompt_replaces_all_but_the_users_own_parts(tmp_path: Path) -> None:
    sections = build_sections(
        cwd=Path("/w"), tools=TOOLS, docs=Path("/d"), custom="Mine.", append=["More.", "And more."]
    )

    assert sections == {
        "preamble": "Mine.",
        "addendum": "<addendum>\nMore.\n\nAnd more.\n</addendum>",
        "cwd": "<cwd>\n/w\n</cwd>",
    }


def test_only_changed_sections_are_told_again() -> None:
    before = {"preamble": "a", "tools": "b", "skills": "c"}

    assert changed_sections(before, {"preamble": "a", "tools": "B"}) == {"tools": "B", "skills": None}
