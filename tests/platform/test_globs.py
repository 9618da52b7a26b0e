import pytest

from pi.platform.globs import glob_matches, ignore_rules, is_ignored


@pytest.mark.parametrize(
    ("glob", "path", "matches"),
    [
        ("foo", "foo", True),
        ("foo", "a/foo", False),
        ("*", "foo", True),
        ("*", "a/foo", False),
        ("*", ".foo", False),
        (".*", ".foo", True),
        ("?oo", "foo", True),
        ("?", ".", False),
        ("f[a-o]o", "foo", True),
        ("f[!a-o]o", "foo", False),
        ("[", "[", True),
        ("[z-a]", "[z-a]", True),
        ("[a.]", ".", False),
        ("**/foo", "foo", True),
        ("**/foo", "a/b/foo", True),
        ("**/foo", ".a/foo", False),
        ("a/**", "a/b/c", True),
        ("a/**", "a", False),
        ("skills/*", "skills/foo", True),
        ("skills/*", "skills/foo/SKILL.md", False),
        ("{a,b}/c", "b/c", True),
        ("a.c", "abc", False),
        (r"\*", "*", True),
        (r"\*", "a", False),
        ("", "", True),
    ],
)
def test_a_glob_matches_a_whole_path(glob, path, matches):
    assert glob_matches(glob, path) is matches


@pytest.mark.parametrize(
    ("lines", "path", "folder", "ignored"),
    [
        ("foo", "foo", False, True),
        ("foo", "a/foo", True, True),
        ("/foo", "a/foo", False, False),
        ("a/foo", "b/a/foo", False, False),
        ("foo/", "foo", False, False),
        ("foo/", "a/foo", True, True),
        ("*.md", ".hidden.md", False, True),
        ("*.md\n!keep.md", "keep.md", False, False),
        ("!keep.md\n*.md", "keep.md", False, True),
        ("# foo", "# foo", False, False),
        (r"\#foo", "#foo", False, True),
        (r"\!foo", "!foo", False, True),
        ("foo   ", "foo", False, True),
        ("\r\nfoo\r\n", "foo", False, True),
        ("**/b", "a/b", False, True),
        ("a/**", "a/b/c", False, True),
        ("README.md", "readme.md", False, True),
        ("/", "foo", True, False),
        ("!", "foo", True, False),
        ("[z-a]", "b", False, False),
    ],
)
def test_an_ignore_file_is_obeyed(tmp_path, lines, path, folder, ignored):
    (tmp_path / ".gitignore").write_bytes(lines.encode())
    rules = ignore_rules(str(tmp_path), {".gitignore": None})
    assert is_ignored(str(tmp_path / path), rules, folder=folder) is ignored


def test_a_deeper_ignore_file_has_the_last_word_on_its_own_folder(tmp_path):
    deep = tmp_path / "deep"
    deep.mkdir()
    (tmp_path / ".ignore").write_text("*.md\n")
    (deep / ".fdignore").write_text("!/kept.md\n")
    rules = [*ignore_rules(str(tmp_path), [".ignore"]), *ignore_rules(str(deep), [".fdignore"])]
    paths = ["kept.md", "deep/kept.md", "deep/other.md"]
    assert [is_ignored(str(tmp_path / path), rules, folder=False) for path in paths] == [True, False, True]


def test_an_ignore_file_that_cannot_be_read_ignores_nothing(tmp_path):
    (tmp_path / ".gitignore").mkdir()
    assert ignore_rules(str(tmp_path), [".gitignore"]) == []
