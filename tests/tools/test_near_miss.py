"""What a failed edit says beyond that it failed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi.agent.tool import ToolError
from pi.tools.edit_text import Edit, apply_edits

FILE = """import os


def total(items, tax):
\tresult = 0
\tfor item in items:
\t\tresult += item.price * (1 + tax)

\treturn result  # gross
"""


def hint(text: str, *olds: str) -> str:
    return hint_of(text, [Edit(old, "new") for old in olds])


def hint_of(text: str, edits: list[Edit]) -> str:
    with pytest.raises(ToolError) as caught:
        apply_edits(text, edits, "f")
    sentence, _, rest = str(caught.value).partition("\n\n")
    assert sentence.startswith(("Could not find ", "Found "))
    return rest


@pytest.mark.parametrize(
    ("old", "said"),
    [
        (
            "    result = 0\n    for item in items:\n",
            "Lines 5-6 of the file are nearest. Indentation: the file has 1 tab, oldText 4 spaces.\n"
            "Line 5 in the file:\n\tresult = 0\nIn oldText:\n    result = 0\n1 more line differs.",
        ),
        (
            "def totl(items, tax):",
            "Line 4 of the file is nearest. The file has `total`, oldText `totl`.\n"
            "Line 4 in the file:\ndef total(items, tax):\nIn oldText:\ndef totl(items, tax):",
        ),
        (
            "Def total(items, tax):",
            "Line 4 of the file is nearest. Only upper and lower case differ.\n"
            "Line 4 in the file:\ndef total(items, tax):\nIn oldText:\nDef total(items, tax):",
        ),
        (
            "result += item.price*(1 + tax)",
            "Line 7 of the file is nearest. Only blanks inside the line differ.\n"
            "Line 7 in the file:\n\t\tresult += item.price * (1 + tax)\n"
            "In oldText:\nresult += item.price*(1 + tax)",
        ),
        (
            "(1 + tax)\n\n\treturn result\n",
            "Lines 7-9 of the file are nearest. oldText lacks `  # gross` at the end of the line.\n"
            "Line 9 in the file:\n\treturn result  # gross\nIn oldText:\n\treturn result",
        ),
        (
            "(1 + tax)\n\treturn result",
            "Lines 7-9 of the file are nearest. Line 8 is blank; oldText leaves it out.",
        ),
        (
            "def total(items, tax):\n\tfor item in items:",
            "Lines 4-6 of the file are nearest. oldText leaves out line 5:\n\tresult = 0",
        ),
        (
            "\tresult = 0\n\n\tfor item in items:",
            "Lines 5-6 of the file are nearest. "
            "oldText has a blank line after line 5 that the file doesn't have.",
        ),
        (
            "def total(items, tax):\n\tx = 1\n\tresult = 0",
            "Lines 4-5 of the file are nearest. "
            "oldText has a line after line 4 that the file doesn't have:\n\tx = 1",
        ),
        (
            "def total(items,\n\t\ttax):\n\tresult = 0",
            "Lines 4-5 of the file have this text with other line breaks.\n"
            "Line 4 in the file:\ndef total(items, tax):\nIn oldText:\ndef total(items,",
        ),
        (
            "\\tresult = 0\\n\\tfor item",
            "Line 5 of the file has this text, but oldText is escaped twice: "
            "it has \\n as two characters where the file has a line break.",
        ),
        (
            "\n\n\nimport os\n",
            "Line 1 of the file is this text, but not the blanks and line breaks at its ends.",
        ),
    ],
)
def test_a_near_miss_says_where_it_is_and_what_differs(old: str, said: str):
    assert hint(FILE, old) == said
    assert hint(FILE.replace("\n", "\r\n"), old) == said
    assert hint("# “quoted” \n" + FILE, '# "quoted"\n', old)  # beside an edit that fits only inexactly


@pytest.mark.parametrize(
    ("text", "old"),
    [
        ("alpha\nBETA\ngamma\n", "not there"),
        (FILE, "class Cart:\n\tdef __init__(self):\n\t\tself.items = []"),
        (FILE, "}"),
        ("", "anything at all"),
        ("one\ntwo\nthree\n", "two\nx"),  # too short to tell
        ("one\ntwo\nthree\n", "twoo\nthree"),
        ("first(1)\nfirst(2)\nfirst(3)\n", "first(4)"),  # no one of several is meant
    ],
)
def test_what_is_not_clearly_meant_is_not_named(text: str, old: str):
    assert hint(text, old) == ""


def test_a_character_that_cannot_be_seen_is_named():
    assert "The file has `a<U+200B>b`, oldText `ab`." in hint("a\u200bb = compute(1)\nx\n", "ab = compute(1)")


def test_an_edit_that_needs_another_says_so():
    edits = [Edit("result = 0", "result = 1"), Edit("result = 1\n\tfor", "x")]
    assert hint_of(FILE, edits) == (
        "edits[1].oldText is there only after edits[0], but all edits are matched against the file as it is "
        "now. Merge the two into one edit."
    )


def test_a_change_deep_in_a_long_file_is_found():
    lines = [f"\tvalue[{number}] = compute({number * 7}, other)" for number in range(200_000)]
    old = "\n".join(lines[150_000:150_900]).replace("compute(1054200,", "compte(1054200,")
    assert "Line 150601 in the file:\n\tvalue[150600] = compute(1054200, other)\n" in hint(
        "\n".join(lines), old
    )


@given(st.text('ab{}=( \t\n\\"é', max_size=80), st.text('ab{}=( \t\n\\"é\udc80', min_size=1, max_size=40))
def test_any_failed_edit_gets_a_short_and_well_formed_answer(text: str, old: str):
    try:
        apply_edits(text, [Edit(old, "new")], "f")
    except ToolError as error:
        assert len(str(error).partition("\n\n")[2].encode()) < 700


@given(st.integers(0, 5), st.integers(0, 400), st.sampled_from(["", "é", "x" * 300]))
def test_long_lines_are_cut_to_where_they_differ(line: int, at: int, extra: str):
    lines = [" ".join(f"{name}{number}" for number in range(150)) for name in "abcdef"]
    old = lines[line][:at] + "%%" + extra[:10] + lines[line][at:]
    said = hint("\n".join(lines), old)
    assert f"Line {line + 1} in the file:" in said
    assert "%%" in said
    assert len(said) <= 600
