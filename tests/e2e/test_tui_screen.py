"""The screen itself in a real terminal: sizes, colours, characters, and what hostile output can't do."""

import json
import re
from typing import Any

import pytest

from tests.e2e.conftest import READY, Terminals, World
from tests.e2e.tmux import Tmux, editor

SIZES = [(40 + 53 * number % 161, 10 + 17 * number % 41) for number in range(20)]
PROSE = "\n\n".join(
    f"## Part {number}\n\nSome *words* of `code`, and 日本語 with é̂ and 👩‍💻 that wrap in narrow windows.\n\n"
    f"- one\n- two\n\n```python\nprint({number})\n```\n\n| a | b |\n|---|---|\n| {number} | 表 |"
    for number in range(12)
)
ESC = "\x1b"
HOSTILE = "".join(
    (
        f"{ESC}]52;c;c3RvbGVu{ESC}\\",
        f"{ESC}]0;stolen title\x07",
        f"{ESC}[1;1Hat home{ESC}[2J{ESC}[?1049l{ESC}[?25l",
        f"{ESC}[31mred{ESC}[0m{ESC}c{ESC}(0lqk{ESC}(B",
        "\x9b2J\x9d0;stolen title\x9c",
        "up\x0b\x0c\x08\x08\x07\x0e\x0f\x00\x7fdown\r\nover\rwritten\n",
        f"{ESC}P+q544e{ESC}\\{ESC}_Gf=24;AAAA{ESC}\\",
        "\u202ereversed\u202c\u2066isolated\u2069\u200b\u200d\ufeff\u2028\u2029\n",
        "日本語" * 40 + "\n",
        "e" + "\u0301" * 200 + "\n",
        "👩‍👩‍👧‍👦🇩🇪" * 30 + "\n",
        "\t\ttabs\t\n",
        f"unfinished {ESC}]52;c;c3RvbGVu",
    )
)
COLOUR = re.compile(r"\x1b\[(?:[\d;:]*;)?(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;[\d;:]*)?m")


def settled(screen: Tmux, last: str) -> list[str]:
    """The rows, once the answer that ends so is there and nothing runs."""
    screen.until(lambda shown: last in shown and "to interrupt" not in shown)
    return screen.rows


def test_a_storm_of_sizes_while_an_answer_comes_ends_in_the_right_screen(
    terminals: Terminals, world: World
) -> None:
    world.provider.script({"text": PROSE + "\n\nThe end.", "chunk": 12, "delayMs": 8})
    screen = terminals.open()
    screen.say("write much")
    screen.until("Part 0")

    for width, height in SIZES:
        screen.resize(width, height)
        screen.until(lambda _, width=width: screen.ask("pane_width") == str(width))
    screen.resize(40, 10)
    small = settled(screen, "The end.")
    screen.resize(100, 30)
    large = screen.until(
        lambda shown: shown.count("─" * 100) == 2 and "The end." in shown and "Part 11" in shown
    )

    assert world.last_message()["content"][0]["text"].endswith("The end.")
    again = terminals.open("-c", width=40, height=10, ready=None)
    assert settled(again, "The end.") == small
    again.resize(100, 30)
    again.until(lambda shown: shown == large)


def test_a_screen_too_small_for_anything_is_endured(terminals: Terminals, world: World) -> None:
    world.provider.script({"text": PROSE, "chunk": 10, "delayMs": 5})
    screen = terminals.open()
    screen.say("write much")
    screen.until("Part ")

    for width, height in ((3, 2), (1, 1), (10, 1), (2, 40), (300, 3)):
        screen.resize(width, height)
        screen.awaits("pane_width", str(width))
    screen.resize(100, 30)
    screen.until(READY)
    screen.type("here")

    screen.until(lambda shown: editor(shown) == "here")


def test_colours_are_those_that_the_terminal_has(terminals: Terminals, world: World) -> None:
    world.settings(theme="dark")
    shown: dict[str, list[str]] = {}
    kinds: dict[str, dict[str, str]] = {
        "none": {"NO_COLOR": "1"},
        "16": {"TERM": "xterm", "COLORTERM": ""},
        "256": {"COLORTERM": ""},
        "truecolor": {},
    }
    for kind, env in kinds.items():
        world.provider.requests.clear()
        world.provider.script({"text": PROSE + "\n\nThe end.", "chunk": 500})
        screen = terminals.open(env=env)
        screen.say("write much")
        settled(screen, "The end.")
        shown[kind] = COLOUR.findall(screen.coloured)

    assert shown["none"] == []
    assert not [code for code in shown["16"] if "8;" in code or "8:" in code]
    assert [code for code in shown["256"] if "38;5;" in code or "48;5;" in code]
    assert not [code for code in shown["256"] if "8;2;" in code]
    assert [code for code in shown["truecolor"] if "8;2;" in code]


@pytest.mark.parametrize(("locale", "ascii"), [("C", False), ("de_DE.ISO-8859-1", True)])
def test_a_terminal_without_unicode_gets_none(
    terminals: Terminals, world: World, locale: str, ascii: bool
) -> None:
    text = "- It is **done**.\n\n> quoted\n\n| a |\n|---|\n| 1 |\n\n---\n\nThe end."
    world.provider.script(
        {"toolCalls": [{"name": "bash", "args": {"command": "echo ready"}}]}, {"text": text}
    )
    screen = terminals.open(env={"LANG": locale, "LC_ALL": locale, "LC_CTYPE": locale}, height=50)
    screen.say("run")
    settled(screen, "The end.")

    assert [row for row in screen.rows if not row.isascii()] == (
        [] if ascii else [row for row in screen.rows if not row.isascii()]
    )
    screen.press("C-l")
    shown = screen.until("Model")
    assert shown.isascii() or not ascii
    screen.press("Escape")
    screen.gone("save as default")
    screen.say("/tree")
    shown = screen.until("Session tree")
    assert shown.isascii() or not ascii


def after_answer(rows: list[str]) -> list[str]:
    """The rows from the answer on, without empty ones."""
    start = next(number for number, row in enumerate(rows) if "The end." in row)
    return [row for row in rows[start:] if row]


def hostile_turn(world: World) -> list[dict[str, Any]]:
    (world.project / "out").write_bytes(HOSTILE.encode("utf-8", "surrogatepass"))
    return [{"toolCalls": [{"name": "bash", "args": {"command": "cat out"}}]}, {"text": "The end."}]


def test_hostile_output_changes_nothing_outside_of_its_block(terminals: Terminals, world: World) -> None:
    turns = hostile_turn(world)
    (world.project / "plain").write_text("plain\n")
    world.provider.script(
        {"toolCalls": [{"name": "bash", "args": {"command": "cat plain"}}]}, {"text": "The end."}, *turns
    )
    plain = terminals.open(height=60)
    plain.say("run it")
    expected = settled(plain, "The end.")
    screen = terminals.open(height=60)
    title = screen.awaits("pane_title", "π - project")
    screen.clipboard()
    screen.say("run it")
    rows = settled(screen, "The end.")

    assert screen.ask("pane_title") == title
    assert (screen.ask("alternate_on"), screen.copied()) == ("1", "")
    begin = next(number for number, row in enumerate(rows) if "$ cat out" in row)
    assert (
        rows[:begin]
        == expected[: next(number for number, row in enumerate(expected) if "$ cat plain" in row)]
    )
    assert rows[-4:] == expected[-4:]
    assert after_answer(rows) == after_answer(expected)
    assert ESC + "]" not in screen.text
    screen.say("!cat out")
    screen.until(lambda shown: shown.count("cat out") >= 2)
    screen.gone("to cancel")
    assert screen.ask("pane_title") == title
    assert screen.rows[-4:] == expected[-4:]


def test_a_line_of_a_megabyte_is_shown_in_part(terminals: Terminals, world: World) -> None:
    command = "head -c 1000000 /dev/zero | tr '\\0' x; echo; echo after"
    world.provider.script(
        {"toolCalls": [{"name": "bash", "args": {"command": command}}]}, {"text": "The end."}
    )
    screen = terminals.open()
    screen.say("run it")

    rows = settled(screen, "The end.")

    assert " after" in rows
    assert editor(screen.text) == ""
    screen.press("C-o")
    screen.type("quick")
    screen.until(lambda shown: editor(shown) == "quick")


def test_hostile_words_of_a_model_are_shown_as_words(terminals: Terminals, world: World) -> None:
    delta = {
        "choices": [{"index": 0, "delta": {"content": f"begin {HOSTILE} \ud800 lone \udc00 end\n\nThe end."}}]
    }
    done = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    world.provider.script(
        {"sse": [f"data: {json.dumps(delta)}\n\n", f"data: {json.dumps(done)}\n\n", "data: [DONE]\n\n"]}
    )
    screen = terminals.open(height=50)
    before, title = screen.rows, screen.awaits("pane_title", "π - project")
    screen.say("say it")

    rows = settled(screen, "The end.")

    assert rows[:4] == before[:4]
    assert rows[-4:-2] == before[-4:-2]
    assert (screen.ask("pane_title"), screen.ask("alternate_on")) == (title, "1")
    again = terminals.open("-c", height=50)
    assert settled(again, "The end.") == rows
    again.say("go on")
    again.until("Fine.")


def mouse(screen: Tmux, button: int, x: int, y: int, *, up: bool = False) -> None:
    """What the terminal sends for the mouse; places count from 0."""
    screen.type(f"{ESC}[<{button};{x + 1};{y + 1}{'m' if up else 'M'}")


def test_the_mouse_scrolls_and_selects_what_is_copied(terminals: Terminals, world: World) -> None:
    world.provider.script(
        {"text": "\n\n".join(f"line {number} of the answer" for number in range(60)), "chunk": 500}
    )
    screen = terminals.open()
    screen.clipboard()
    screen.say("talk")
    settled(screen, "line 59")

    mouse(screen, 64, 10, 5)
    rows = screen.until(lambda shown: "line 59" not in shown).split("\n")
    row = next(number for number, text in enumerate(rows) if "line 5" in text)
    start = rows[row].index("line")
    mouse(screen, 0, start, row)
    mouse(screen, 32, start + 7, row)
    mouse(screen, 0, start + 6, row, up=True)
    screen.until("copied")

    assert screen.copied() == rows[row][start : start + 7]
    screen.say("go on")
    screen.until("Fine.")
