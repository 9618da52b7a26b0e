"""Code as coloured lines."""

import pytest

from pi.modes.tui.lines import text_of
from pi.modes.tui.markdown.code import highlight, language_of


def test_each_kind_of_token_has_its_colour():
    code = "class A:\n    def f(self, n: int):  # c\n        return n + 1.5"
    styles = {text.strip(): style for line in highlight(code, "python") for text, style in line}
    wanted = {
        "class": "syntaxKeyword",
        "A": "syntaxType",
        "f": "syntaxFunction",
        "n": "syntaxVariable",
        "# c": "syntaxComment",
        "+": "syntaxOperator",
        "1.5": "syntaxNumber",
    }
    assert {name: styles[name] for name in wanted} == wanted


@pytest.mark.parametrize(
    "language", ["python", "js", "ts", "bash", "json", "rust", "diff", "html", "c++", "nonsense", ""]
)
@pytest.mark.parametrize("code", ["", "\n", "a\n\n  b", "\n\na = '\n", '"""x\ny"""\n', "\ta"])
def test_highlighting_changes_no_text(language, code):
    assert [text_of(line) for line in highlight(code, language)] == code.replace("\t", "   ").split("\n")


@pytest.mark.parametrize("code", ["x = 1\n" * 40_000, "x = 1\n" + "y" * 3000])
def test_too_much_code_stays_plain(code):
    assert {style for line in highlight(code, "python") for _, style in line} == {"mdCodeBlock"}


def test_what_nobody_knows_stays_plain():
    assert highlight("a b", "nonsense") == [(("a b", "mdCodeBlock"),)]


@pytest.mark.parametrize(
    ("path", "language"),
    [
        ("a/b.py", "python"),
        ("x.ts", "typescript"),
        ("x.rs", "rust"),
        ("Makefile", "make"),
        ("C:\\a\\x.H", "c"),
        ("x.unknown", ""),
        ("README", ""),
        ("notes.txt", ""),
    ],
)
def test_a_path_tells_its_language(path, language):
    assert language_of(path) == language
