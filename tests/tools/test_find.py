"""find: names and paths by glob, with fd's rules; folders, links and hidden files too."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi.agent.tool import ToolResult
from pi.llm.messages import Text
from pi.tools.find import find_tool
from pi.tools.glob import GlobError, glob_regex
from tests.tools.searching import error, plant, text, use

FIND = find_tool()
NONE = "No files found matching pattern"
posix = pytest.mark.skipif(sys.platform == "win32", reason="names and pipes that Windows has not")


def paths(cwd: Path, pattern: str, **arguments: object) -> list[str]:
    found = text(FIND, cwd, pattern=pattern, **arguments)
    return [] if found == NONE else found.split("\n")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    files = (
        ".git/HEAD .hidden/h.txt ignored/z.txt long.txt src/a.py src/sub/C.TXT src/sub/[x].ts tests/t.py a,b"
    )
    plant(tmp_path, dict.fromkeys(files.split(), "") | {".gitignore": "ignored/\n*.log\n", "src/x.log": ""})
    return tmp_path


def test_a_name_is_found_anywhere_and_ignored_files_are_not(tree: Path):
    assert use(FIND, tree, pattern="*.py") == ToolResult((Text("src/a.py\ntests/t.py"),))
    assert paths(tree, "*.txt") == [".hidden/h.txt", "long.txt", "src/sub/C.TXT"]
    assert use(FIND, tree, pattern="*.log") == ToolResult((Text(NONE),))


def test_a_pattern_with_a_capital_is_exact(tree: Path):
    assert paths(tree, "*.TXT") == ["src/sub/C.TXT"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("src/*", ["src/a.py", "src/sub/"]),
        ("src/**", ["src/a.py", "src/sub/", "src/sub/C.TXT", "src/sub/[x].ts"]),
        ("src/**/*.py", ["src/a.py"]),
        ("**/sub/*.ts", ["src/sub/[x].ts"]),
        ("{src,tests}/*.py", ["src/a.py", "tests/t.py"]),
        ("{**/*.ts,**/t.py}", ["src/sub/[x].ts", "tests/t.py"]),
        ("[[]x].{ts,js}", ["src/sub/[x].ts"]),
        ("\\[?].ts", ["src/sub/[x].ts"]),
        ("[!a-su-z].py", ["tests/t.py"]),
        ("sub", ["src/sub/"]),
        ("a,b", ["a,b"]),
        (".hidden", [".hidden/"]),
        ("src/", []),
        ("ignored", []),
        ("HEAD", []),
        ("--files", []),
    ],
)
def test_globs_mean_what_they_mean_to_fd(tree: Path, pattern: str, expected: list[str]):
    assert paths(tree, pattern) == expected


def test_a_pattern_with_a_slash_goes_by_the_whole_path(tree: Path):
    assert paths(tree, "src/*.py", path="src") == ["a.py"]
    assert paths(tree, f"{tree.as_posix()}/src/*.py") == ["src/a.py"]


@pytest.mark.parametrize("pattern", ["", "**", "**/"])
def test_an_empty_pattern_means_everything(tree: Path, pattern: str):
    assert paths(tree, pattern, path="src") == ["a.py", "sub/", "sub/C.TXT", "sub/[x].ts"]


def test_links_pipes_and_empty_folders_are_found_and_links_not_followed(tree: Path):
    (tree / "empty/deep").mkdir(parents=True)
    (tree / "link").symlink_to("src")
    (tree / "broken").symlink_to("nowhere")
    assert paths(tree, "{empty,deep,link,broken}") == ["broken", "empty/", "empty/deep/", "link"]


def test_outside_a_repository_gitignore_counts_as_well(tmp_path: Path):
    plant(tmp_path, {".gitignore": "a\n", "a": "", "b": ""})
    assert paths(tmp_path, "?") == ["b"]


def test_the_rules_of_the_folder_above_end_at_a_nested_repository(tmp_path: Path):
    plant(
        tmp_path, {".git/HEAD": "", ".gitignore": "*.txt\n", "a.txt": "", "in/.git/HEAD": "", "in/b.txt": ""}
    )
    assert paths(tmp_path, "*.txt") == ["in/b.txt"]


def test_the_notice_of_the_limit_comes_only_when_there_is_more(tmp_path: Path):
    plant(tmp_path, dict.fromkeys("abc", ""))
    result = use(FIND, tmp_path, pattern="?", limit=2)
    (block,) = result.content
    assert isinstance(block, Text)
    shown, notice = block.text.split("\n\n")
    assert len(shown.split("\n")) == 2
    assert notice == "[2 results limit reached. Use limit=4 for more, or refine pattern]"
    assert result.details == {"resultLimitReached": 2}
    assert use(FIND, tmp_path, pattern="?", limit=3) == ToolResult((Text("a\nb\nc"),))


def test_more_than_50_kb_of_paths_are_cut_at_a_line(tmp_path: Path):
    plant(tmp_path, {f"{number:0200}": "" for number in range(400)})
    assert text(FIND, tmp_path, pattern="*").endswith(f"{253:0200}\n\n[50.0KB limit reached]")


@posix
def test_odd_names_come_back_as_they_are(tmp_path: Path):
    plant(tmp_path, {"two\nlines": "", os.fsdecode(b"n\xff"): "", " space": "", "-dash": ""})
    assert text(FIND, tmp_path, pattern="*") == " space\n-dash\nn\ufffd\ntwo\nlines"


def test_a_path_that_is_no_folder_and_a_broken_glob_are_errors_in_fds_words(tree: Path):
    assert error(FIND, tree, pattern="*", path="long.txt") == (
        f"[fd error]: Search path '{tree}/long.txt' is not a directory.\n"
        "[fd error]: No valid search paths given."
    )
    assert error(FIND, tree, pattern="[") == (
        "[fd error]: error parsing glob '[': unclosed character class; missing ']'"
    )


@pytest.mark.parametrize(
    ("glob", "problem"),
    [
        ("a[", "unclosed character class; missing ']'"),
        ("{a", "unclosed alternate group; missing '}' (maybe escape '{' with '[{]'?)"),
        ("a}", "unopened alternate group; missing '{' (maybe escape '}' with '[}]'?)"),
        ("a\\", "dangling '\\'"),
        ("[b-a]", "invalid range; 'b' > 'a'"),
    ],
)
def test_a_broken_glob_is_named_with_its_problem(glob: str, problem: str):
    with pytest.raises(GlobError) as caught:
        glob_regex(glob)
    assert str(caught.value) == f"error parsing glob '{glob}': {problem}"


@given(st.text(alphabet="ab/*?[]{}!^,-\\&~|\n", max_size=12))
def test_a_glob_is_a_pattern_or_an_error_that_says_why(glob: str):
    try:
        glob_regex(glob)
    except GlobError as problem:
        assert glob in str(problem)


@given(st.text())
def test_an_escaped_text_matches_itself_alone(name: str):
    pattern = glob_regex("".join(f"\\{char}" for char in name))
    assert pattern.fullmatch(name)
    assert not pattern.fullmatch(f"{name}x")
