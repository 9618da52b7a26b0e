"""grep: texts, limits and notices as recorded; every pattern is an argument, every file name a name."""

import os
import sys
from pathlib import Path

import pytest

from pi.agent.tool import ToolResult
from pi.llm.messages import Text
from pi.tools.grep import grep_tool
from tests.tools.searching import error, plant, text, use

GREP = grep_tool()
posix = pytest.mark.skipif(sys.platform == "win32", reason="names and pipes that Windows has not")


def lines(cwd: Path, pattern: str, **arguments: object) -> list[str]:
    return sorted(text(GREP, cwd, pattern=pattern, **arguments).split("\n"))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    plant(
        tmp_path,
        {
            ".git/HEAD": "ref\n",
            ".gitignore": "ignored/\n",
            ".hidden/h": "TODO hidden\n",
            "ignored/z": "TODO ignored\n",
            "src/a.py": "import os\nTODO one\nprint(1)\n",
            "src/sub/b.txt": "nothing\ntodo two\n",
        },
    )
    return tmp_path


def test_hidden_files_are_searched_and_ignored_ones_are_not(tree: Path):
    assert lines(tree, "TODO") == [".hidden/h:1: TODO hidden", "src/a.py:2: TODO one"]
    assert lines(tree, "todo", ignoreCase=True) == [
        ".hidden/h:1: TODO hidden",
        "src/a.py:2: TODO one",
        "src/sub/b.txt:2: todo two",
    ]


def test_a_result_without_notices_has_no_details(tree: Path):
    assert use(GREP, tree, pattern="one") == ToolResult((Text("src/a.py:2: TODO one"),))
    assert use(GREP, tree, pattern="nowhere") == ToolResult((Text("No matches found"),))


def test_outside_a_repository_gitignore_says_nothing_to_rg(tmp_path: Path):
    plant(tmp_path, {".gitignore": "a\n", "a": "x\n", ".ignore": "b\n", "b": "x\n"})
    assert lines(tmp_path, "x") == ["a:1: x"]


def test_paths_are_relative_to_the_folder_and_a_file_has_its_name(tree: Path):
    assert text(GREP, tree, pattern="one", path="src") == "a.py:2: TODO one"
    assert text(GREP, tree, pattern="one", path="src/a.py") == "a.py:2: TODO one"
    (tree / "link").symlink_to("src")
    assert text(GREP, tree, pattern="one", path="link") == "a.py:2: TODO one"


@pytest.mark.parametrize("glob", ["sub/*.txt", "./sub/*.txt", "*.txt", "!*.py", "!./a.py"])
def test_globs_are_relative_to_the_path(tree: Path, glob: str):
    assert lines(tree, "o", path="src", glob=glob) == ["sub/b.txt:1: nothing", "sub/b.txt:2: todo two"]


def test_a_literal_pattern_is_plain_text_and_a_broken_expression_an_error(tree: Path):
    assert text(GREP, tree, pattern="print(", literal=True) == "src/a.py:3: print(1)"
    assert error(GREP, tree, pattern="print(").startswith("rg: regex parse error:")


@pytest.mark.parametrize("pattern", ["--files", "-e", "-", "--"])
def test_a_pattern_that_begins_with_a_dash_is_a_pattern(tmp_path: Path, pattern: str):
    plant(tmp_path, {"a": f"say {pattern}\n"})
    assert text(GREP, tmp_path, pattern=pattern) == f"a:1: say {pattern}"


@pytest.mark.parametrize("glob", ["--files", "-x"])
def test_a_glob_that_begins_with_a_dash_is_a_glob(tmp_path: Path, glob: str):
    plant(tmp_path, {glob: "x\n", "other": "x\n"})
    assert text(GREP, tmp_path, pattern="x", glob=glob) == f"{glob}:1: x"


def test_context_lines_have_dashes_and_a_last_newline_opens_a_line(tmp_path: Path):
    plant(tmp_path, {"a": "1\n2\nx\n4\nx\n6\n7\n8\n9\n", "b": "1\nx\n", "c": "1\nx"})
    found = text(GREP, tmp_path, pattern="x", context=1.9).split("\n")
    assert [line for line in found if line[0] == "a"] == ["a-2- 2", "a:3: x", "a-4- 4", "a:5: x", "a-6- 6"]
    assert [line for line in found if line[0] == "b"] == ["b-1- 1", "b:2: x", "b-3- "]
    assert [line for line in found if line[0] == "c"] == ["c-1- 1", "c:2: x"]


def test_the_notice_of_the_limit_comes_only_when_there_is_more(tmp_path: Path):
    plant(tmp_path, {"a": "x1\nx2\nx3\n"})
    notice = "[2 matches limit reached. Use limit=4 for more, or refine pattern]"
    assert use(GREP, tmp_path, pattern="x", limit=2) == ToolResult(
        (Text(f"a:1: x1\na:2: x2\n\n{notice}"),), {"matchLimitReached": 2}
    )
    assert use(GREP, tmp_path, pattern="x", limit=3) == ToolResult((Text("a:1: x1\na:2: x2\na:3: x3"),))
    assert text(GREP, tmp_path, pattern="x", limit=-1).startswith("a:1: x1\n\n[1 matches limit")


def test_the_last_match_keeps_its_context_and_a_match_in_it_is_context(tmp_path: Path):
    plant(tmp_path, {"a": "x1\n2\nx3\n4\nx5\n"})
    assert text(GREP, tmp_path, pattern="x", limit=1, context=3) == (
        "a:1: x1\na-2- 2\na-3- x3\na-4- 4\n\n"
        "[1 matches limit reached. Use limit=2 for more, or refine pattern]"
    )
    assert text(GREP, tmp_path, pattern="x5", limit=1, context=1) == "a-4- 4\na:5: x5\na-6- "


def test_long_lines_are_cut_at_500_units_and_never_inside_a_character(tmp_path: Path):
    plant(tmp_path, {"a": "x" * 500 + "\n", "b": "x" * 501 + "\n", "c": "x" * 499 + "\U0001f600\n"})
    notice = "[Some lines truncated to 500 chars. Use read tool to see full lines]"
    assert use(GREP, tmp_path, pattern="x", path="a") == ToolResult((Text(f"a:1: {'x' * 500}"),))
    assert use(GREP, tmp_path, pattern="x", path="b") == ToolResult(
        (Text(f"b:1: {'x' * 500}... [truncated]\n\n{notice}"),), {"linesTruncated": True}
    )
    assert text(GREP, tmp_path, pattern="x", path="c") == f"c:1: {'x' * 499}... [truncated]\n\n{notice}"


def test_all_notices_stand_in_one_bracket(tmp_path: Path):
    plant(tmp_path, {"a": ("x" * 600 + "\n") * 200})
    result = use(GREP, tmp_path, pattern="x", limit=150)
    (block,) = result.content
    assert isinstance(block, Text)
    assert block.text.endswith(
        "\n\n[150 matches limit reached. Use limit=300 for more, or refine pattern. 50.0KB limit reached. "
        "Some lines truncated to 500 chars. Use read tool to see full lines]"
    )
    assert list(result.details) == ["matchLimitReached", "truncation", "linesTruncated"]
    assert result.details["truncation"]["totalLines"] == 150


def test_line_ends_of_windows_go_and_a_lone_return_stays(tmp_path: Path):
    plant(tmp_path, {"a": "x\r\n", "b": "x\ry\n"})
    assert lines(tmp_path, "x") == ["a:1: x", "b:1: x\ry"]


@posix
def test_bytes_that_are_no_utf8_become_replacement_characters(tmp_path: Path):
    plant(tmp_path, {os.fsdecode(b"n\xff"): b"x \xfe\n"})
    assert text(GREP, tmp_path, pattern="x") == "n\ufffd:1: x \ufffd"


@posix
def test_what_is_neither_file_nor_folder_is_not_waited_for(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    assert "neither a file nor a directory" in error(GREP, tmp_path, pattern="x", path="pipe")


def test_a_missing_path_and_a_null_character_are_errors(tmp_path: Path):
    assert error(GREP, tmp_path, pattern="x", path="none") == f"Path not found: {tmp_path}/none"
    assert error(GREP, tmp_path, pattern="a\0b").startswith("Failed to run ripgrep: embedded null byte")
