"""docs/keybindings.md lists the actions that there are, and its examples are what Pi reads.

`python -m tests.test_keybinding_docs` writes the tables of actions.
"""

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from pi.modes.tui.keys.actions import ACTIONS, GROUPS, Action, Group
from pi.modes.tui.keys.keymap import Keymap
from pi.modes.tui.keys.syntax import spell

PAGE = Path(__file__).parents[1] / "docs" / "keybindings.md"
MADE = re.compile(r"(<!-- made: actions -->\n)(.*?)(<!-- end -->)", re.DOTALL)
JSON = re.compile(r"^```json\n(.*?)^```$", re.MULTILINE | re.DOTALL)


# What is made from the code


def tables() -> str:
    return "\n".join(map(table, GROUPS))


def table(group: Group) -> str:
    head = f"### {group.name}\n\n| action | keys | what it does |\n| --- | --- | --- |\n"
    return head + "".join(map(row, group.actions))


def row(action: Action) -> str:
    cells = (f"`{action.id}`", keys(action), action.description)
    return f"| {' | '.join(cells)} |\n"


def keys(action: Action) -> str:
    """The keys, and those of other systems where they are others."""
    windows, wsl = action.defaults("windows"), action.defaults("wsl")
    parts = [listed(action.keys)]
    if windows == wsl != action.keys:
        parts.append(f"Windows, WSL: {listed(windows)}")
    else:
        parts += [
            f"{name}: {listed(other)}"
            for name, other in (("Windows", windows), ("WSL", wsl))
            if other != action.keys
        ]
    return "; ".join(parts)


def listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"


def made_anew(page: str) -> str:
    return MADE.sub(lambda found: found[1] + tables() + found[3], page)


# The tests


def text() -> str:
    return PAGE.read_text(encoding="utf-8")


def test_the_tables_of_actions_are_those_of_the_code() -> None:
    found = MADE.search(text())
    assert found
    assert found[2] == tables(), "run: python -m tests.test_keybinding_docs"


def test_every_action_is_in_the_tables_once() -> None:
    assert re.findall(r"^\| `((?:tui|app)\.[\w.]+)` \|", text(), re.M) == list(ACTIONS)


@pytest.mark.parametrize("example", JSON.findall(text()))
def test_an_example_is_taken_without_a_warning(example: str, tmp_path: Path) -> None:
    (tmp_path / "keybindings.json").write_text(example, encoding="utf-8")
    warnings: list[str] = []

    keymap = Keymap.load(tmp_path, warnings)

    given = {name: value for name, value in json.loads(example).items() if name != "$schema"}
    wanted = {name: tuple(value) if isinstance(value, list) else (value,) for name, value in given.items()}
    assert ({name: keymap.keys(name) for name in wanted}, warnings) == (wanted, [])


def test_the_keys_that_the_page_names_are_keys() -> None:
    section = text().partition("\n## How keys are written\n")[2].partition("\n## ")[0]
    (table,) = re.findall(r"^\| kind .*?(?=\n\n)", section, re.M | re.S)
    named = [name for line in table.splitlines()[2:] for name in re.findall(r"`` ?(.+?) ?``|`([^`]+)`", line)]
    names = [double or single for double, single in named]
    assert len(names) > 40
    assert [name for name in names if spell(name.replace("\\|", "|")) is None] == []


if __name__ == "__main__":
    PAGE.write_text(made_anew(text()), encoding="utf-8")
    sys.stdout.write(f"{len(ACTIONS)} actions\n")
