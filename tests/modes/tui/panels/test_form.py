"""A form asks one question after the other and gives all answers at once."""

from typing import Any

from pi.harness.ui import Field, Option
from pi.modes.tui.panels.form import FormPanel
from tests.modes.tui.panels.support import KEYMAP, answer_of, press, see, type_in, within_loop

COLOUR = Field(
    "colour",
    "Which colour?",
    "select",
    (
        Option("red", "Warm", "# Red\nlike fire"),
        Option("blue", "Cold, and a good choice for texts that are read all day", recommended=True),
    ),
    "For the buttons.",
    required=True,
    other=True,
)
TOOLS = Field(
    "tools", "Which tools?", "multi", (Option("read", "Reads files"), Option("bash")), required=True
)
NAME = Field("name", "Name?", default="Pi")
SURE = Field("sure", "Sure?", "confirm")


def make(*fields: Field) -> FormPanel:
    return FormPanel(KEYMAP, "Setup", fields or (COLOUR, TOOLS, NAME, SURE))


def test_a_question_has_the_screen_for_itself_at_80_columns() -> None:
    def test() -> None:
        panel = make()
        press(panel, "up")
        assert see(panel) == [
            "── Setup ────────────────────────────────────────────────────────────── (1/4) ──",
            "  Which colour   Which tools   ✓ Name   Sure",
            "",
            "  Which colour? (required)",
            "  For the buttons.",
            "",
            "→   red                          │ # Red",
            "    blue (recommended)           │ like fire",
            "    Other: type your own answer",
            "",
            "  Warm",
            "",
            "  enter next  ·  tab/shift+tab move  ·  escape cancel",
            "─" * 80,
        ]

    within_loop(test)


def test_a_small_screen_keeps_question_and_options() -> None:
    def test() -> None:
        panel = make()
        assert see(panel, 40, 12) == [
            "── Setup ────────────────────── (1/4) ──",
            "  Which colour? (required)",
            "  For the buttons.",
            "",
            "    red",
            "→   blue (recommended)",
            "    Other: type your own answer",
            "",
            "  Cold, and a good choice for texts th …",
            "",
            "  enter next  ·  tab/shift+tab move …",
            "─" * 40,
        ]
        for width in range(4, 80, 5):
            for height in range(3, 20):
                see(panel, width, height)

    within_loop(test)


def test_enter_goes_on_and_the_last_one_gives_all_answers() -> None:
    def test() -> None:
        panel = make()
        press(panel, "enter", "space", "down", "space", "enter")
        type_in(panel, "!")
        press(panel, "enter", "down", "enter")
        assert answer_of(panel) == {
            "colour": "blue",
            "tools": ["read", "bash"],
            "name": "Pi!",
            "sure": False,
        }

    within_loop(test)


def test_what_is_not_required_may_stay_unanswered() -> None:
    def test() -> None:
        panel = make(
            Field("a", "A", "select", (Option("x"),)),
            Field("b", "B", "multi", (Option("x"),)),
            Field("c", "C"),
            Field("d", "D", "confirm"),
            Field("e", "E"),
        )
        press(panel, "tab", "tab", "tab", "tab", "enter")
        assert answer_of(panel) == {"a": None, "b": [], "c": "", "d": False, "e": ""}

    within_loop(test)


def test_a_required_question_says_what_it_needs() -> None:
    def test() -> None:
        panel = make(COLOUR, TOOLS, Field("why", "Why?", required=True))
        press(panel, "enter", "enter")
        assert see(panel)[8] == "  Choose at least one: press space."
        press(panel, "space")
        assert "  Choose at least one: press space." not in see(panel)
        press(panel, "enter", "enter")
        assert see(panel)[7] == "  Type an answer first."
        assert not panel.answer.done()

    within_loop(test)


def test_submitting_leads_to_the_first_question_that_is_missing() -> None:
    def test() -> None:
        panel = make(COLOUR, NAME)
        press(panel, "tab", "enter")
        assert see(panel)[3] == "  Which colour? (required)"
        assert "  Choose one first: press enter." in see(panel)

    within_loop(test)


def test_an_own_answer_is_typed_in_its_row() -> None:
    def test() -> None:
        one = make(COLOUR)
        press(one, "down")
        type_in(one, "dark green")
        assert "→ ✓ Other: dark green" in see(one)
        press(one, "enter")
        several = make(Field("tools", "Tools?", "multi", (Option("read"),), other=True))
        press(several, "space", "down")
        type_in(several, "grep it")
        press(several, "enter")
        assert (answer_of(one), answer_of(several)) == (
            {"colour": "dark green"},
            {"tools": ["read", "grep it"]},
        )

    within_loop(test)


def test_defaults_are_chosen_from_the_start() -> None:
    def test() -> None:
        options = (Option("x"), Option("y"), Option("z"))
        panel = make(
            Field("a", "A", "select", options, default="y"),
            Field("b", "B", "multi", options, default=["x", "z"]),
            Field("c", "C", "select", options, default="w", other=True),
            Field("d", "D", "confirm", default=True),
        )
        assert see(panel)[5:8] == ["    x", "→ ✓ y", "    z"]
        press(panel, "shift+tab", "enter")
        assert answer_of(panel) == {"a": "y", "b": ["x", "z"], "c": "w", "d": True}

    within_loop(test)


def test_y_and_n_answer_a_confirmation_and_escape_the_whole_form() -> None:
    def test() -> None:
        answers: list[Any] = []
        for key in ("y", "n", "escape"):
            panel = make(SURE)
            press(panel, key)
            answers.append(answer_of(panel))
        assert answers == [{"sure": True}, {"sure": False}, None]

    within_loop(test)


def test_a_click_chooses_an_option() -> None:
    def test() -> None:
        panel = make(COLOUR)
        shown = see(panel)
        panel.click(next(number for number, line in enumerate(shown) if "  red" in line), 5)
        assert answer_of(panel) == {"colour": "red"}
        several = make(TOOLS)
        shown = see(several)
        several.click(next(number for number, line in enumerate(shown) if "bash" in line), 5)
        press(several, "enter")
        assert answer_of(several) == {"tools": ["bash"]}

    within_loop(test)


def test_the_cursor_is_where_text_is_typed() -> None:
    def test() -> None:
        panel = make(NAME)
        shown = see(panel)
        assert panel.cursor() == (shown.index("> Pi"), 4)

    within_loop(test)
