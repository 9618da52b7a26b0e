"""The session picker: lists, scopes, orders, search, renaming and deletion."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from pi.harness.storage.files import SessionDir, session_dir
from pi.harness.storage.store import Store
from pi.llm.messages import UserMessage
from pi.modes.tui.pickers.sessions import SessionPicker, sessions_of
from pi.modes.tui.pickers.sessions_rows import age, threads
from tests.modes.tui.sessions.stage import KEYMAP, press, shown

_HOUR = 3_600_000
_NOW = 1_800_000_000_000


class Sessions:
    """A folder of sessions; each is one hour older than the one before."""

    def __init__(self, folder: Path):
        self.agent = folder / "agent"
        self.paths: dict[str, Path] = {}
        self.here = self.of(folder / "here")
        self.there = self.of(folder / "there")
        self._hours = 0

    def of(self, cwd: Path) -> SessionDir:
        cwd.mkdir()
        return session_dir(self.agent, cwd, env={})

    def add(self, text: str, *, name: str = "", where: SessionDir | None = None, parent: str = "") -> Path:
        where = where or self.here
        self._hours += 1
        above = str(self.paths[parent]) if parent else None
        store = Store.create(where.cwd, directory=where.path, parent_session=above)
        store.append_message(UserMessage(content=text, timestamp=_NOW - self._hours * _HOUR))
        if name:
            store.append_session_info(name)
        store.close()
        assert store.path is not None
        self.paths[text] = store.path
        return store.path


@pytest.fixture
def sessions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sessions:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", os.devnull)  # no trash
    return Sessions(tmp_path)


def _with(
    sessions: Sessions,
    use: Callable[[SessionPicker], Awaitable[None]],
    current: Path | None = None,
) -> Path | None:
    async def main() -> Path | None:
        picker = SessionPicker(KEYMAP, sessions.here, current=current, now=lambda: _NOW)
        shown(picker)
        await picker.listed()
        await use(picker)
        return picker.answer.result() if picker.answer.done() else None

    return asyncio.run(main())


async def _press(picker: SessionPicker, *keys: str) -> None:
    press(picker, *keys)
    await picker.settled()


def _rows(picker: SessionPicker, width: int = 70) -> list[str]:
    lines = shown(picker, width, 40)
    start = next(number for number, line in enumerate(lines) if number > 1 and not line) + 1
    return lines[start : lines.index("", start)]


def test_sessions_of_this_folder_are_listed_with_count_and_age(sessions: Sessions) -> None:
    sessions.add("Fix the parser")
    sessions.add("Write docs", name="Docs")
    sessions.add("Elsewhere", where=sessions.there)

    async def use(picker: SessionPicker) -> None:
        assert _rows(picker) == [
            "→   Fix the parser                                         1    1h ago",
            "    Docs                                                   1    2h ago",
        ]
        press(picker, "down", "enter")

    assert _with(sessions, use) == sessions.paths["Write docs"]


def test_tab_shows_those_of_all_folders_and_where_they_belong(sessions: Sessions) -> None:
    sessions.add("Here")
    sessions.add("There", where=sessions.there)

    async def use(picker: SessionPicker) -> None:
        await _press(picker, "tab")
        assert shown(picker)[0].startswith("── Sessions: all folders ─")
        assert [row.split() for row in _rows(picker)] == [
            ["→", "Here", "~/here", "1", "1h", "ago"],
            ["There", "~/there", "1", "2h", "ago"],
        ]
        await _press(picker, "tab")
        assert len(_rows(picker)) == 1

    _with(sessions, use)


def test_forks_hang_under_their_parents_until_another_order_is_chosen(sessions: Sessions) -> None:
    sessions.add("Parent")
    sessions.add("Other")
    sessions.add("First fork", parent="Parent")
    sessions.add("Its fork", parent="First fork")
    sessions.add("Second fork", parent="Parent")

    def titles(picker: SessionPicker) -> list[str]:
        return [row[4:40].rstrip() for row in _rows(picker)]

    async def use(picker: SessionPicker) -> None:
        assert titles(picker) == [
            "Parent",
            "├─ First fork",
            "│  └─ Its fork",
            "└─ Second fork",
            "Other",
        ]
        await _press(picker, "ctrl+s")
        assert titles(picker) == ["Parent", "Other", "First fork", "Its fork", "Second fork"]

    _with(sessions, use)


def test_named_sessions_alone_and_paths_are_shown_on_request(sessions: Sessions) -> None:
    sessions.add("One")
    sessions.add("Two", name="Called")

    async def use(picker: SessionPicker) -> None:
        await _press(picker, "ctrl+n", "ctrl+p")
        (row,) = _rows(picker, 110)
        assert row.startswith("→   Called") and sessions.paths["Two"].name[-20:] in row
        await _press(picker, "ctrl+n")
        assert len(_rows(picker, 110)) == 2

    _with(sessions, use)


def test_words_phrases_and_expressions_find_sessions(sessions: Sessions) -> None:
    sessions.add("Fix the parser")
    sessions.add("The fix")

    async def found(picker: SessionPicker, query: str) -> list[str]:
        await _press(picker, f"'{query}")
        rows = [row[4:40].rstrip() for row in _rows(picker)]
        await _press(picker, "escape")
        return rows

    async def use(picker: SessionPicker) -> None:
        await _press(picker, "down", "'fix", "escape")
        assert await found(picker, "fix prsr") == ["Fix the parser"]
        assert await found(picker, '"the fix"') == ["The fix"]
        assert await found(picker, "re:^Fix") == ["Fix the parser"]
        assert await found(picker, "nothing such") == [" session matches."]
        await _press(picker, "'re:(")
        assert any("no regular expression" in line for line in shown(picker))

    _with(sessions, use)


def test_a_session_is_renamed(sessions: Sessions) -> None:
    path = sessions.add("One")

    async def use(picker: SessionPicker) -> None:
        await _press(picker, "ctrl+r", "'A name", "enter")
        assert _rows(picker)[0].startswith("→   A name")
        await _press(picker, "ctrl+r", "' twice", "escape")

    _with(sessions, use)
    assert Store.open(path).name == "A name"


def test_a_session_is_deleted_when_one_says_so(sessions: Sessions) -> None:
    sessions.add("One")
    two = sessions.add("Two")

    async def use(picker: SessionPicker) -> None:
        await _press(picker, "down", "ctrl+d", "n")
        assert two.exists()
        await _press(picker, "ctrl+d", "y")
        assert not two.exists()
        assert [row[4:7] for row in _rows(picker)] == ["One"]
        assert "  Session deleted." in shown(picker)

    _with(sessions, use)


def test_ctrl_backspace_deletes_only_while_nothing_is_searched(sessions: Sessions) -> None:
    path = sessions.add("One")

    async def use(picker: SessionPicker) -> None:
        await _press(picker, "'One", "ctrl+backspace", "escape")
        assert shown(picker)[0].startswith("── Sessions")
        await _press(picker, "ctrl+backspace", "enter")

    _with(sessions, use)
    assert not path.exists()


def test_the_trash_takes_a_session_when_there_is_one(
    sessions: Sessions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = sessions.add("One")
    trash = tmp_path / "bin" / "trash"
    trash.parent.mkdir()
    trash.write_text(f'#!/bin/sh\n/bin/mv "$1" {tmp_path}/trashed\n')
    trash.chmod(0o755)
    monkeypatch.setenv("PATH", str(trash.parent))

    async def use(picker: SessionPicker) -> None:
        press(picker, "ctrl+d")
        assert "to the trash" in shown(picker)[0]
        await _press(picker, "y")

    _with(sessions, use)
    assert (tmp_path / "trashed").exists() and not path.exists()


def test_the_open_session_is_marked_and_never_deleted(sessions: Sessions) -> None:
    sessions.add("One")
    open_here = sessions.add("Two")

    async def use(picker: SessionPicker) -> None:
        assert _rows(picker)[1].startswith("→ ● Two")
        await _press(picker, "ctrl+d", "y")
        assert open_here.exists()

    _with(sessions, use, open_here)


def test_a_narrow_screen_and_hostile_texts_do_no_harm(sessions: Sessions) -> None:
    sessions.add("日本語" * 50, name="\x1b[31mred\u202e")
    sessions.add("e\u0301\x07" * 100)

    async def use(picker: SessionPicker) -> None:
        for width in (20, 40, 41):
            assert not any(sign in "".join(shown(picker, width, 20)) for sign in "\x1b\x07\u202e")

    _with(sessions, use)


def test_an_empty_folder_says_how_to_look_elsewhere(sessions: Sessions) -> None:
    async def use(picker: SessionPicker) -> None:
        assert _rows(picker) == ["  No sessions of this folder. tab shows those of all."]
        press(picker, "enter", "escape")

    assert _with(sessions, use) is None


def test_ages_have_one_unit() -> None:
    second = 1000
    ages = [age(_NOW - ago * second, _NOW) for ago in (3, 70, 7200, 90_000, 864_000, 5_184_000, 80_000_000)]
    assert ages == ["now", "1m ago", "2h ago", "1d ago", "1w ago", "2mo ago", "2y ago"]


def test_threads_join_siblings() -> None:
    assert threads([0, 1, 2, 1, 0, 1]) == ["", "├─ ", "│  └─ ", "└─ ", "", "└─ "]


def test_the_siblings_of_a_session_in_a_chosen_folder_are_looked_for_there(tmp_path: Path) -> None:
    chosen = sessions_of(tmp_path / "own" / "s.jsonl", tmp_path, tmp_path / "agent", None)
    assert (chosen.path, chosen.chosen) == (tmp_path / "own", True)
    usual = sessions_of(None, tmp_path, tmp_path / "agent", None)
    assert sessions_of(usual.root / "--other--" / "s.jsonl", tmp_path, tmp_path / "agent", None) == usual
