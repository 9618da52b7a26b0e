"""Diffs of edits, against recordings and against what a patch program makes of them."""

import re

from hypothesis import given
from hypothesis import strategies as st

from pi.agent.tool import ToolError
from pi.tools.diff import EditDiff, edit_diff
from pi.tools.edit_text import Edit, apply_edits


def diff(text: str, *edits: tuple[str, str]) -> EditDiff:
    return edit_diff(apply_edits(text, [Edit(old, new) for old, new in edits], "f"), "f")


def numbers(first: int, last: int) -> str:
    return "".join(f"{number}\n" for number in range(first, last + 1))


def test_a_small_edit_is_shown_with_all_around_it():
    assert diff("one\ntwo\nthree\nend\n", ("two\nthree", "2\n3\n4")) == EditDiff(
        " 1 one\n-2 two\n-3 three\n+2 2\n+3 3\n+4 4\n 4 end",
        "--- f\n+++ f\n@@ -1,4 +1,5 @@\n one\n-two\n-three\n+2\n+3\n+4\n end\n",
        2,
    )


def test_four_lines_of_context_stay_and_marks_stand_for_the_rest():
    result = diff(numbers(1, 100), ("\n50\n", "\nfifty\n"), ("\n59\n", "\n"), ("\n90\n", "\n89b\n90\n"))
    assert result == EditDiff(
        "     ...\n  46 46\n  47 47\n  48 48\n  49 49\n- 50 50\n+ 50 fifty\n  51 51\n  52 52\n  53 53\n"
        "  54 54\n  55 55\n  56 56\n  57 57\n  58 58\n- 59 59\n  60 60\n  61 61\n  62 62\n  63 63\n     ...\n"
        "  86 86\n  87 87\n  88 88\n  89 89\n+ 89 89b\n  90 90\n  91 91\n  92 92\n  93 93\n     ...",
        "--- f\n+++ f\n@@ -46,18 +46,17 @@\n 46\n 47\n 48\n 49\n-50\n+fifty\n 51\n 52\n 53\n 54\n 55\n"
        " 56\n 57\n 58\n-59\n 60\n 61\n 62\n 63\n"
        "@@ -86,8 +85,9 @@\n 86\n 87\n 88\n 89\n+89b\n 90\n 91\n 92\n 93\n",
        50,
    )


def test_a_missing_newline_at_the_end_is_noted():
    assert diff("a\nb", ("b", "c\n")) == EditDiff(
        " 1 a\n-2 b\n+2 c",
        "--- f\n+++ f\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+c\n",
        2,
    )


def test_an_emptied_file_has_a_range_before_its_first_line():
    assert diff("a\n", ("a\n", "")).patch == "--- f\n+++ f\n@@ -1,1 +0,0 @@\n-a\n"


def test_an_edit_among_others_that_changes_nothing_is_not_shown():
    text = numbers(1, 200)
    assert diff(text, ("\n5\n", "\n5\n"), ("\n150\n", "\nx\n")) == diff(text, ("\n150\n", "\nx\n"))


def test_a_large_rewrite_is_diffed_in_time_too():
    old = numbers(1, 3000)
    new = "".join(f"line {number}\n" for number in range(3000))
    result = diff("start\n" + old + "end\n", (old, new))
    assert _patched("start\n" + old + "end\n", result.patch) == "start\n" + new + "end\n"


def _patched(text: str, patch: str) -> str:
    """`text` as a patch program would change it; fails if the patch doesn't fit."""
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)
    out: list[str] = []
    at = 0
    body = patch.replace("\n\\ No newline at end of file", "\0")
    for line in re.findall(r"[^\n]*\n", body)[2:]:
        if header := re.fullmatch(r"@@ -(\d+),(\d+) \+(\d+),(\d+) @@\n", line):
            start, count, new_start, new_count = map(int, header.groups())
            begin = start - 1 if count else start
            out += lines[at:begin]
            at = begin
            assert len(out) == (new_start - 1 if new_count else new_start)
            continue
        content = line[1:].replace("\0\n", "")
        if line[0] != "+":
            assert lines[at] == content
            at += 1
        if line[0] != "-":
            out.append(content)
    return "".join([*out, *lines[at:]])


@given(
    st.lists(st.sampled_from(["a", "b", "c", ""]), min_size=1, max_size=120),
    st.lists(
        st.tuples(st.integers(0, 120), st.integers(1, 4), st.text("ab\nx", max_size=6)),
        min_size=1,
        max_size=3,
    ),
    st.booleans(),
)
def test_a_patch_makes_the_new_text_of_the_old(
    lines: list[str], wanted: list[tuple[int, int, str]], ended: bool
):
    lines = [f"{line}{number}" for number, line in enumerate(lines)]
    text = "\n".join(lines) + "\n" * ended
    edits = [Edit("\n".join(lines[at : at + count]), new) for at, count, new in wanted]
    try:
        applied = apply_edits(text, edits, "f")
    except ToolError:
        return
    result = edit_diff(applied, "f")
    assert _patched(applied.before, result.patch) == applied.after
    shown = [line for line in result.diff.split("\n") if line[0] != " "]
    changed = [line for line in result.patch.split("\n")[2:] if line[:1] in ("-", "+")]
    assert [line[0] for line in shown] == [line[0] for line in changed]
