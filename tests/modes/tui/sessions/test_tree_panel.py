"""The panel of a session's tree."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

from pi.harness.storage.store import Store
from pi.modes.tui.pickers.tree import TreePanel
from tests.modes.tui.sessions.stage import KEYMAP, press, shown
from tests.modes.tui.sessions.trees import answer, branched, user

_COPIED: list[str] = []


async def _copy(text: str) -> bool:
    _COPIED.append(text)
    return True


def _with(store: Store, use: Callable[[TreePanel], Awaitable[None]], **options: str) -> str | None:
    async def main() -> str | None:
        panel = TreePanel(KEYMAP, store, copy=_copy, **options)
        await use(panel)
        return panel.answer.result() if panel.answer.done() else None

    return asyncio.run(main())


def _rows(panel: TreePanel, width: int = 80) -> list[str]:
    """The list alone."""
    lines = shown(panel, width, 40)
    start = next(number for number, line in enumerate(lines) if number > 1 and not line) + 1
    return lines[start : lines.index("", start)]


def test_branches_hang_on_lines_and_the_active_one_comes_first() -> None:
    store, _ = branched()

    async def use(panel: TreePanel) -> None:
        assert _rows(panel) == [
            "  • user: Look at the parser",
            "  • [bash: ls]",
            "  • assistant: I looked",
            "  • ├─ user: Use a stack",
            "→ • │  assistant: Stacked",
            "    └─ user: Use recursion",
            "       assistant: Recursed",
            "       ├─ user: Deeper",
            "       │  assistant: Deep",
            "       └─ user: Shallower",
            "          assistant: Shallow",
        ]

    _with(store, use)


def test_a_branch_folds_and_unfolds() -> None:
    store, _ = branched()

    async def use(panel: TreePanel) -> None:
        press(panel, "down", "ctrl+left")
        folded = [
            "  • user: Look at the parser",
            "  • [bash: ls]",
            "  • assistant: I looked",
            "  • ├─ user: Use a stack",
            "  • │  assistant: Stacked",
            "→   └─ ▸ user: Use recursion  +5",
        ]
        assert _rows(panel) == folded
        press(panel, "ctrl+right")
        assert len(_rows(panel)) == 11
        press(panel, "ctrl+right")
        assert _rows(panel)[7] == "→      ├─ user: Deeper"

    _with(store, use)


def test_filters_are_toggled_and_cycled_and_the_selection_stays_near() -> None:
    store, ids = branched()
    store.append_label(ids["recursed"], "good")

    async def use(panel: TreePanel) -> None:
        press(panel, "ctrl+u")
        assert _rows(panel) == [
            "  • user: Look at the parser",
            "→ • ├─ user: Use a stack",
            "    └─ user: Use recursion",
            "       ├─ user: Deeper",
            "       └─ user: Shallower",
        ]
        press(panel, "ctrl+u", "ctrl+l")
        assert _rows(panel) == ["→   [good] assistant: Recursed"]
        press(panel, "ctrl+o")
        assert "  • [model: faux/m]" in _rows(panel)
        press(panel, "shift+ctrl+o", "ctrl+d", "ctrl+t")
        assert "  • [bash: ls]" not in _rows(panel)
        press(panel, "ctrl+a")
        assert _rows(panel)[6] == "  • │  [label: good]"

    _with(store, use)


def test_the_setting_says_which_filter_it_begins_with() -> None:
    store, _ = branched()

    async def use(panel: TreePanel) -> None:
        assert len(_rows(panel)) == 5

    _with(store, use, filter="user-only")


def test_typing_searches_and_escape_first_takes_the_query_away() -> None:
    store, ids = branched()

    async def use(panel: TreePanel) -> None:
        press(panel, "'use stack")
        assert _rows(panel) == ["→ • user: Use a stack"]
        press(panel, "escape")
        assert _rows(panel)[3] == "→ • ├─ user: Use a stack"
        press(panel, "enter")

    assert _with(store, use) == ids["stack"]


def test_escape_leaves_without_an_answer() -> None:
    store, _ = branched()

    async def use(panel: TreePanel) -> None:
        press(panel, "escape")
        assert panel.answer.result() is None

    _with(store, use)


def test_a_label_is_given_changed_and_taken_away() -> None:
    store, ids = branched()

    async def use(panel: TreePanel) -> None:
        press(panel, "shift+l", "'the good one", "enter")
        assert _rows(panel)[4] == "→ • │  [the good one] assistant: Stacked"
        assert store.labels[ids["stacked"]].label == "the good one"
        press(panel, "shift+t")
        assert re.search(r"\[the good one\] \d\d:\d\d assistant: Stacked", _rows(panel)[4])
        press(panel, "shift+t", "shift+l", "ctrl+u", "enter")
        assert _rows(panel)[4] == "→ • │  assistant: Stacked"
        press(panel, "shift+l", "'nothing", "escape")
        assert store.labels == {}

    _with(store, use)


def test_an_entry_is_copied_in_full() -> None:
    store, _ = branched()

    async def use(panel: TreePanel) -> None:
        _COPIED.clear()
        press(panel, "up", "ctrl+x")
        for _ in range(5):
            await asyncio.sleep(0)
        assert _COPIED == ["Use a stack"]
        assert "  Copied." in shown(panel)

    _with(store, use)


def test_a_deep_tree_of_hostile_wide_texts_stays_within_a_narrow_screen() -> None:
    store = Store.in_memory(Path("/project"))
    last = store.append_message(user("日本語\x1b[31m\u202e" * 40)).id
    for number in range(60):
        store.append_message(answer("e\u0301" * 100))
        store.move_to(last)
        last = store.append_message(user(f"{number} \x07\u2028日" * 20)).id

    async def use(panel: TreePanel) -> None:
        for width in (20, 40, 41, 80):
            text = "\n".join(shown(panel, width, 24))
            assert not any(sign in text for sign in "\x1b\x07\u202e\u2028")
        press(panel, "pageUp", "pageUp")
        assert any("…" in row for row in shown(panel, 40, 24))

    _with(store, use)


def test_a_long_session_draws_only_what_is_seen() -> None:
    store = Store.in_memory(Path("/project"))
    for number in range(5000):
        store.append_message(user(f"question {number}"))
        store.append_message(answer(f"reply {number}"))

    async def use(panel: TreePanel) -> None:
        described = sum(node.described is not None for node in panel._rows.nodes)
        shown(panel, 80, 30)
        assert sum(node.described is not None for node in panel._rows.nodes) - described < 40
        press(panel, "'reply 4999")
        assert _rows(panel) == ["→ • assistant: reply 4999"]

    _with(store, use)


def test_a_click_selects_and_a_second_one_chooses() -> None:
    store, ids = branched()

    async def use(panel: TreePanel) -> None:
        top = shown(panel).index("  • user: Look at the parser")
        panel.click(top + 3, 10)
        assert _rows(panel)[3] == "→ • ├─ user: Use a stack"
        panel.click(top + 3, 10)

    assert _with(store, use) == ids["stack"]
