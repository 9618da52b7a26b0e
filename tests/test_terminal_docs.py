"""docs/terminal.md names the commands, settings and variables that there are."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from pi.harness.settings import DEFAULTS
from pi.modes.tui.commands import HIDDEN, all_commands

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "terminal.md"
ROW = re.compile(r"^\| `([\w.]+)` \| ([^|]+) \|", re.MULTILINE)
TWO_SPACES = "two spaces"


def section(title: str) -> str:
    text = PAGE.read_text(encoding="utf-8")
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_the_commands_of_the_page_are_those_of_the_code_with_their_arguments() -> None:
    cells = re.findall(r"^\| (`/.+?) \|", section("Commands"), re.MULTILINE)
    listed = [command for cell in cells for command in re.findall(r"`/(.+?)`", cell)]
    commands = [command for name, command in all_commands().items() if name not in HIDDEN]
    assert sorted(listed) == sorted(f"{command.name} {command.hint}".strip() for command in commands)


def value(cell: str) -> Any:
    cell = cell.strip()
    if cell == TWO_SPACES:
        return "  "
    return cell.strip("`") if cell.startswith("`") else json.loads(cell)


@pytest.mark.parametrize("page", ["terminal.md", "settings.md"])
def test_the_defaults_of_the_page_are_those_of_the_code(page: str) -> None:
    found = [
        (key, cell) for key, cell in ROW.findall((DOCS / page).read_text(encoding="utf-8")) if key in DEFAULTS
    ]
    assert len(found) > 12
    assert [(key, cell) for key, cell in found if value(cell) != DEFAULTS[key]] == []


def test_every_setting_of_the_page_is_on_that_of_the_settings() -> None:
    settings = (DOCS / "settings.md").read_text(encoding="utf-8")
    keys = [key for key, _ in ROW.findall(section("Settings of the screen"))]
    assert len(keys) > 12
    assert [key for key in keys if f"`{key}`" not in settings] == []


def test_the_variables_of_the_page_are_read_by_the_code() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in (DOCS.parent / "src" / "pi").rglob("*.py"))
    named = set(re.findall(r"`((?:PI_)?[A-Z][A-Z0-9_]{4,})`", PAGE.read_text(encoding="utf-8")))
    assert {"PI_TRUE_COLOR", "NO_COLOR", "VISUAL"} <= named
    assert [name for name in sorted(named) if f'"{name}"' not in code] == []
