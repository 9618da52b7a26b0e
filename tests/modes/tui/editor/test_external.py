"""The prompt goes to the user's own editor and comes back."""

import asyncio
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest

from pi.modes.tui.editor.external import edit_elsewhere, editor_command
from pi.platform.errors import PiError


class Settings:
    def __init__(self, editor: str | None = None):
        self._editor = editor

    def text(self, path: str) -> str | None:
        return self._editor if path == "externalEditor" else None


def test_the_setting_comes_before_the_environment() -> None:
    env = {"VISUAL": "code --wait", "EDITOR": "vi"}
    assert [
        editor_command(Settings('"my editor" -n'), env),
        editor_command(Settings(), env),
        editor_command(Settings(), {"VISUAL": " ", "EDITOR": "vi"}),
        editor_command(Settings(), {}),
    ] == [["my editor", "-n"], ["code", "--wait"], ["vi"], ["nano"]]


def test_quotes_that_do_not_end_are_told() -> None:
    with pytest.raises(PiError, match=r"Can't read \$EDITOR"):
        editor_command(Settings(), {"EDITOR": 'vi "x'})


def test_the_text_comes_back_and_the_file_goes() -> None:
    seen: list[Path] = []

    async def run(argv: Sequence[str]) -> int:
        path = Path(argv[-1])
        seen.append(path)
        assert (list(argv[:-1]), path.suffix, stat.S_IMODE(path.stat().st_mode)) == (["vi"], ".md", 0o600)
        path.write_text(f"{path.read_text()} and more\n")
        return 0

    assert asyncio.run(edit_elsewhere("Some", ["vi"], run)) == "Some and more"
    assert [path.exists() for path in seen] == [False]


def test_a_program_that_fails_changes_nothing() -> None:
    async def run(argv: Sequence[str]) -> int:
        return 1

    assert asyncio.run(edit_elsewhere("Some", ["vi"], run)) is None
