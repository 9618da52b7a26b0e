"""docs/themes.md names the tokens that there are, and its examples are themes that Pi reads."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from pi.modes.tui.theme import themes
from pi.modes.tui.theme.file import parse_theme
from pi.modes.tui.theme.tokens import EXPORT, INHERITED, NAMES

PAGE = Path(__file__).parents[1] / "docs" / "themes.md"
DARK = Path(themes.__file__).parent / "data" / "dark.json"
JSON = re.compile(r"^```json\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def section(title: str) -> str:
    return PAGE.read_text(encoding="utf-8").partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def rows(text: str) -> list[list[str]]:
    return [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")
    ]


def whole(**colors: Any) -> dict[str, Any]:
    """A theme with all colours, some of them others."""
    dark = json.loads(DARK.read_text(encoding="utf-8"))
    return {**dark, "name": "harbour", "colors": {**dark["colors"], **colors}}


def test_the_tokens_of_the_page_are_those_of_the_code_each_once() -> None:
    listed = [name for row in rows(section("Tokens"))[2:] for name in re.findall(r"`(\w+)`", row[0])]
    assert sorted(listed) == sorted(NAMES)


def test_the_fallbacks_of_the_page_are_those_of_the_code() -> None:
    fallbacks = {row[0].strip("`"): row[2].strip("`") for row in rows(section("Tokens"))[2:] if row[2]}
    assert fallbacks == INHERITED


def test_the_colours_of_exported_pages_are_named() -> None:
    (row,) = [row for row in rows(section("Files")) if row[0] == "`export`"]
    assert tuple(re.findall(r"`(\w+)`", row[1])) == EXPORT


def test_the_example_of_a_file_is_a_theme() -> None:
    (example,) = [json.loads(found) for found in JSON.findall(section("Files"))]
    theme = whole(**example["colors"])
    theme["vars"] |= example["vars"]

    parsed = parse_theme(theme | {"name": example["name"]}, "harbour.json")

    assert (parsed.name, parsed.colors["dim"], parsed.colors["text"]) == ("harbour", 245, "")
    assert parsed.colors["selectedBg"] == "#112233"


FORMS = [
    re.findall(r"`(.+?)`", row[0])
    for row in rows(section("Files"))
    if row[0].startswith('`"') or row[0] == "`39`"
]


@pytest.mark.parametrize("form", [form for forms in FORMS for form in forms])
def test_a_form_of_the_page_is_a_colour(form: str) -> None:
    theme = whole(accent=json.loads(form))
    theme["vars"]["water"] = "#00aaff"
    parse_theme(theme, "harbour.json")


def test_all_six_forms_are_tried() -> None:
    assert len(FORMS) == 6
