"""Small questions look alike, and end with what people answered."""

import asyncio

from pi.modes.tui.panels.asking import Choice, Confirm, LongText, TextInput, Waiting
from pi.platform.errors import PiError
from tests.modes.tui.panels.support import KEYMAP, answer_of, press, see, type_in, within_loop


def test_a_confirmation_is_yes_no_or_nothing() -> None:
    def test() -> None:
        panel = Confirm(KEYMAP, "Delete the session?", "It has 12 messages.")
        assert see(panel) == [
            "── Delete the session? " + "─" * 57,
            "  It has 12 messages.",
            "",
            "→ Yes",
            "  No",
            "",
            "  enter select  ·  escape cancel",
            "─" * 80,
        ]
        answers: list[object] = []
        for keys in (("enter",), ("down", "enter"), ("y",), ("n",), ("escape",), ("ctrl+c",)):
            panel = Confirm(KEYMAP, "Delete?")
            press(panel, *keys)
            answers.append(answer_of(panel))
        assert answers == [True, False, True, False, None, None]

    within_loop(test)


def test_a_long_message_leaves_room_for_the_answers() -> None:
    def test() -> None:
        panel = Confirm(KEYMAP, "Trust?", "a word and another " * 40)
        assert see(panel, 40, 10) == [
            "── Trust? " + "─" * 30,
            *["  a word and another a word and another"] * 3,
            "  a word and another a word and anothe …",
            "→ Yes",
            "  No",
            "",
            "  enter select  ·  escape cancel",
            "─" * 40,
        ]

    within_loop(test)


def test_a_choice_is_one_of_the_texts() -> None:
    def test() -> None:
        panel = Choice(KEYMAP, "Which one?", ["first", "second"])
        press(panel, "2", "down", "enter")
        assert answer_of(panel) == "second"
        clicked = Choice(KEYMAP, "Which one?", ["first", "second"])
        see(clicked)
        clicked.click(2, 4)
        assert answer_of(clicked) == "second"

    within_loop(test)


def test_many_texts_can_be_searched() -> None:
    def test() -> None:
        panel = Choice(KEYMAP, "Which one?", [f"choice {number}" for number in range(30)])
        type_in(panel, "29")
        press(panel, "enter")
        assert answer_of(panel) == "choice 29"

    within_loop(test)


def test_a_line_of_text_is_typed_under_its_question() -> None:
    def test() -> None:
        panel = TextInput(KEYMAP, "Name\nHow should it be called?", "such as main", note="At most a line.")
        assert see(panel, 40, 12) == [
            "── Name ────────────────────────────────",
            "  How should it be called?",
            "",
            "  At most a line.",
            "",
            "> such as main",
            "",
            "  enter submit  ·  escape cancel",
            "─" * 40,
        ]
        assert panel.cursor() == (5, 2)
        type_in(panel, "a b")
        panel.paste("c\n")
        assert see(panel, 40, 12)[5] == "> a bc"
        press(panel, "enter")
        assert answer_of(panel) == "a bc"

    within_loop(test)


def test_a_secret_is_never_shown() -> None:
    def test() -> None:
        panel = TextInput(KEYMAP, "Key", secret=True)
        type_in(panel, "sk-1")
        assert see(panel)[1] == "> ••••"
        press(panel, "enter")
        assert answer_of(panel) == "sk-1"

    within_loop(test)


def test_a_question_says_when_it_closes() -> None:
    def test() -> None:
        left = [11.2, 10.9]
        panel = Confirm(KEYMAP, "Go on?")
        changes: list[None] = []
        panel.changed = lambda: changes.append(None)
        panel.seconds_left = lambda: left[0]
        assert see(panel, 40, 10)[0] == "── Go on? ──────────── closes in 12 s ──"
        del left[0]
        panel.tick()
        assert (see(panel, 40, 10)[0], changes) == ("── Go on? ──────────── closes in 11 s ──", [None])

    within_loop(test)


def test_a_title_that_is_too_long_stands_below_the_border() -> None:
    def test() -> None:
        panel = Choice(KEYMAP, "Which of these two things shall be done next with all of it?", ["a", "b"])
        assert see(panel, 40, 12) == [
            "─" * 40,
            "  Which of these two things shall be",
            "  done next with all of it?",
            "",
            "→ a",
            "  b",
            "",
            "  enter select  ·  escape cancel",
            "─" * 40,
        ]
        panel = Choice(KEYMAP, "Which of these two things shall be done next with all of it?", ["a", "b"])
        assert see(panel, 40, 3) == ["── Which of these two things …─ (1/2) ──", "→ a", "─" * 40]

    within_loop(test)


def test_waiting_shows_what_goes_on_and_can_be_cancelled() -> None:
    def test() -> None:
        copied: list[str] = []
        panel = Waiting(
            KEYMAP,
            "Login",
            ["Open this page:", (("https://example.com/" + "x" * 30, "accent link:https://example.com"),)],
            hints=(("app.message.copy", "copy the address"),),
            on={"app.message.copy": lambda: copied.append("copied")},
        )
        assert see(panel, 40, 12) == [
            "── Login ───────────────────────────────",
            "  Open this page:",
            "  https://example.com/xxxxxxxxxxxxxxxxxx",
            "  xxxxxxxxxxxx",
            "",
            "  ctrl+x copy the address …",
            "─" * 40,
        ]
        panel.update(["Done\x1b[2J."])
        assert see(panel, 40, 12)[1:2] == ["  Done."]
        press(panel, "ctrl+x", "a", "escape")
        assert (copied, panel.cancelled, answer_of(panel)) == (["copied"], True, None)

    within_loop(test)


def test_a_longer_text_is_edited_in_lines_and_submitted_with_enter() -> None:
    def test() -> None:
        panel = LongText(KEYMAP, "Why?", "because")
        type_in(panel, " of")
        press(panel, "shift+enter")
        panel.paste("it")
        assert see(panel, 60, 14) == [
            "── Why? " + "─" * 52,
            "  because of",
            "  it",
            "",
            "  enter submit  ·  shift+enter new line  ·  escape cancel",
            "─" * 60,
        ]
        assert panel.cursor() == (2, 4)
        press(panel, "enter")
        assert answer_of(panel) == "because of\nit"
        pasted = LongText(KEYMAP, "Why?", "")
        pasted.paste("a line\n" * 30)
        press(pasted, "enter")
        assert answer_of(pasted).count("a line") == 30
        left = LongText(KEYMAP, "Why?", "because")
        press(left, "escape")
        assert answer_of(left) is None

    within_loop(test)


def test_a_longer_text_can_be_edited_elsewhere() -> None:
    async def run() -> None:
        async def failing(text: str) -> str | None:
            raise PiError("Can't start ed. Is it installed?")

        async def shouting(text: str) -> str | None:
            return text.upper()

        for external, expected in ((failing, "because"), (shouting, "BECAUSE")):
            panel = LongText(KEYMAP, "Why?", "because", external)
            changed = asyncio.Event()
            press(panel, "ctrl+g")
            panel.changed = changed.set
            await changed.wait()
            said = any("Is it installed?" in line for line in see(panel))
            assert said is (external is failing)
            press(panel, "enter")
            assert answer_of(panel) == expected

    asyncio.run(run())
