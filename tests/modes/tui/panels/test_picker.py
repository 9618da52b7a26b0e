"""A list to choose from, on wide and narrow screens."""

from collections.abc import Sequence
from typing import Any

from pi.modes.tui.lines import text_of
from pi.modes.tui.panels.picker import Picker, Row
from tests.modes.tui.panels.support import KEYMAP, answer_of, press, see, type_in, within_loop

ROWS = (
    Row("opus", "claude-opus", "anthropic", mark="✓", description="The largest one, for what is hard."),
    Row("sonnet", "claude-sonnet", "anthropic"),
    Row("gpt", "gpt-5", "openai"),
)


def make(rows: Sequence[Row] = ROWS, **options: Any) -> Picker:
    return Picker(KEYMAP, "Choose a model", rows, **options)


def many(count: int) -> list[Row]:
    return [Row(number, f"row {number}") for number in range(count)]


def test_everything_is_to_be_seen_at_80_columns() -> None:
    def test() -> None:
        panel = make(note="Only what you can use.", hints=(("app.models.save", "save as default"),))
        assert see(panel) == [
            "── Choose a model " + "─" * 62,
            "  Only what you can use.",
            "",
            "  Type to search",
            "",
            "→ ✓ claude-opus    anthropic",
            "    claude-sonnet  anthropic",
            "    gpt-5          openai",
            "",
            "  The largest one, for what is hard.",
            "",
            "  enter select  ·  ctrl+s save as default  ·  escape cancel",
            "─" * 80,
        ]

    within_loop(test)


def test_a_small_screen_has_fewer_rows_and_fewer_hints() -> None:
    def test() -> None:
        panel = make(many(30), hints=(("app.models.save", "save as default"),), selected=12)
        assert see(panel, 40, 10) == [
            "── Choose a model ─────────── (13/30) ──",
            "  Type to search",
            "",
            "  row 9",
            "  row 10",
            "  row 11",
            "→ row 12",
            "",
            "  enter select …",
            "─" * 40,
        ]
        assert see(panel, 40, 3) == ["── Choose a model ─────────── (13/30) ──", "→ row 12", "─" * 40]
        for width in range(1, 40, 3):
            for height in range(3, 12):
                see(panel, width, height)

    within_loop(test)


def test_only_the_selected_row_has_the_accent() -> None:
    def test() -> None:
        opus, sonnet, gpt = make(search=False).lines(80, 19)[1:4]
        assert [span for span in opus if span[0].strip()] == [
            ("→ ", "accent"),
            ("✓", "success"),
            ("claude-opus", "accent"),
            ("anthropic", "dim"),
        ]
        for row, name, provider in ((sonnet, "claude-sonnet", "anthropic"), (gpt, "gpt-5", "openai")):
            assert [span for span in row if span[0].strip()] == [(name, ""), (provider, "dim")]

    within_loop(test)


def test_the_selection_moves_around_the_ends_and_by_pages() -> None:
    def test() -> None:
        panel = make(many(30))
        selected: list[Any] = []
        see(panel)
        for name in ("up", "down", "pageDown", "pageDown", "pageDown", "pageUp", "pageDown", "down"):
            press(panel, name)
            see(panel)
            selected.append(panel.selected and panel.selected.id)
        assert selected == [29, 0, 10, 20, 29, 19, 29, 0]

    within_loop(test)


def test_typing_searches_and_digits_are_letters_like_others() -> None:
    def test() -> None:
        panel = make()
        type_in(panel, "5")
        assert [row.id for row in panel.found] == ["gpt"]
        press(panel, "backspace")
        type_in(panel, "anthropic son")
        assert [row.id for row in panel.found] == ["sonnet"]
        press(panel, "enter")
        assert answer_of(panel).id == "sonnet"

    within_loop(test)


def test_nothing_found_is_said_and_enter_does_nothing() -> None:
    def test() -> None:
        panel = make(empty="No model matches.")
        type_in(panel, "xyz")
        press(panel, "enter")
        assert (see(panel)[3], panel.selected, panel.answer.done()) == ("  No model matches.", None, False)
        press(panel, "escape")
        assert answer_of(panel) is None

    within_loop(test)


def test_the_list_keeps_its_height_while_one_searches() -> None:
    def test() -> None:
        panel = make()
        before = len(see(panel))
        type_in(panel, "gpt")
        assert len(see(panel)) == before

    within_loop(test)


def test_own_keys_come_before_those_of_the_list() -> None:
    def test() -> None:
        heard: list[str] = []
        panel = make(
            on={"app.session.delete": lambda: heard.append(str(panel.selected and panel.selected.id))}
        )
        press(panel, "down", "ctrl+d")
        assert heard == ["sonnet"]

    within_loop(test)


def test_other_rows_keep_the_query_and_the_selection() -> None:
    def test() -> None:
        panel = make()
        type_in(panel, "claude")
        press(panel, "down")
        panel.set_rows((Row("haiku", "claude-haiku"), *ROWS))
        assert (panel.query, panel.selected and panel.selected.id) == ("claude", "sonnet")
        panel.set_rows((ROWS[0],))
        assert panel.selected is ROWS[0]

    within_loop(test)


def test_a_click_chooses_the_row_under_the_mouse() -> None:
    def test() -> None:
        panel = make()
        shown = see(panel)
        panel.click(1, 3)
        assert not panel.answer.done()
        panel.click(next(number for number, line in enumerate(shown) if "gpt-5" in line), 10)
        assert answer_of(panel) is ROWS[2]

    within_loop(test)


def test_long_and_hostile_rows_stay_in_their_line() -> None:
    def test() -> None:
        rows = [Row(1, "日本語" * 20, "today"), Row(2, "a\nb\x1b[31mc\x07", "x" * 100), Row(3, "c", "d")]
        assert see(make(rows, search=False), 40, 10)[1:4] == [
            "→ " + "日本語" * 5 + "…  today",
            "  a bc" + " " * 14 + "  " + "x" * 17 + "…",
            "  c" + " " * 17 + "  d",
        ]

    within_loop(test)


def test_the_cursor_is_in_the_search_field() -> None:
    def test() -> None:
        panel = make()
        type_in(panel, "op")
        see(panel)
        assert panel.cursor() == (1, 4)
        assert text_of(panel.lines(80, 19)[1]).rstrip() == "  op"
        assert make(search=False).cursor() is None

    within_loop(test)
