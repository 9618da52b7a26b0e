import os
from pathlib import Path

import pytest

from pi.harness.discovery import SourceInfo, project_side, user_side
from pi.harness.extensions.finding import Source, find_extensions
from pi.harness.settings import Settings

CODE = "def extension(pi): pass\n"


def write(path: Path, text: str = CODE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


class Places:
    """A home and a project beside it, far from those of whoever runs the tests."""

    def __init__(self, root: Path):
        self.root, self.agent, self.project = root, root / "home/.pi/agent", root / "project"
        self.of_user, self.of_project = self.agent / "extensions", self.project / ".pi/extensions"
        self.of_user.mkdir(parents=True)
        self.of_project.mkdir(parents=True)
        self.warnings: list[str] = []

    def sources(self, *named: str, user: list[str] = [], project: list[str] = [], find=True) -> list[Source]:  # noqa: B006
        sides = [
            project_side(self.project, Settings({"pythonExtensions": project})),
            user_side(self.agent, Settings({"pythonExtensions": user})),
        ]
        return find_extensions(sides, named, self.project, self.warnings, find=find)

    def find(self, *named: str, **settings) -> dict[str, str]:
        found = {source.name: source.path for source in self.sources(*named, **settings)}
        return {name: path.relative_to(self.root).as_posix() for name, path in found.items()}


@pytest.fixture
def places(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    return Places(tmp_path)


def test_what_is_named_comes_first_then_the_project_then_the_user(places):
    write(places.of_user / "z.py")
    write(places.of_user / "a.py")
    write(places.agent / "elsewhere/listed.py")
    write(places.of_project / "own.py")
    write(places.project / "now.py")
    assert list(places.find("now.py", user=["elsewhere/listed.py"]).items()) == [
        ("now", "project/now.py"),
        ("own", "project/.pi/extensions/own.py"),
        ("listed", "home/.pi/agent/elsewhere/listed.py"),
        ("a", "home/.pi/agent/extensions/a.py"),
        ("z", "home/.pi/agent/extensions/z.py"),
    ]
    assert places.warnings == []


def test_a_source_says_where_it_is_from(places):
    single = write(places.of_user / "single.py")
    package = write(places.of_project / "package/__init__.py")
    named = write(places.project / "named/extension.py")
    local = SourceInfo(str(named), "cli", "temporary")
    of_project = SourceInfo(str(package), "auto", "project", base_dir=str(places.project / ".pi"))
    of_user = SourceInfo(str(single), "auto", "user", base_dir=str(places.agent))
    assert places.sources("named") == [
        Source("named", named, named.parent, "temporary", local),
        Source("package", package, package.parent, "project", of_project),
        Source("single", single, None, "user", of_user),
    ]


def test_folders_are_searched_one_level_deep(places):
    write(places.of_user / "file.py")
    write(places.of_user / "package/__init__.py")
    write(places.of_user / "package/helper.py")
    write(places.of_user / "folder/extension.py")
    write(places.of_user / "folder/deep/extension.py")
    write(places.of_user / "deeper/folder/extension.py")
    assert list(places.find()) == ["file", "folder", "package"]


def test_hidden_private_and_foreign_files_are_passed_over_quietly(places):
    for name in ("_private.py", ".hidden.py", "one.ts", "two.js", "three.mjs", "notes.md", ".py"):
        write(places.of_user / name)
    write(places.of_user / "_lib/__init__.py")
    write(places.of_user / ".git/extension.py")
    write(places.of_user / "__pycache__/x.py")
    write(places.of_user / "npm/package.json", '{"pi": {"extensions": ["./index.ts"]}}')
    write(places.of_user / "npm/index.ts")
    (places.of_user / "folder.py").mkdir()
    assert places.find() == {}
    assert places.warnings == []


def test_a_manifest_lists_files_and_names_a_single_one(places):
    one = places.of_user / "one"
    write(one / "pyproject.toml", '[project]\nname = "weather"\n[tool.pi]\nextensions = ["src/main.py"]\n')
    write(one / "src/main.py")
    two = places.of_user / "two"
    write(two / "pyproject.toml", '[tool.pi]\nextensions = ["a.py", "b/__init__.py"]\n')
    write(two / "a.py")
    write(two / "b/__init__.py")
    write(two / "extension.py")
    plain = places.of_user / "plain"
    write(plain / "pyproject.toml", '[project]\nname = "other"\n')
    write(plain / "extension.py")
    assert [(source.name, source.path, source.root) for source in places.sources()] == [
        ("weather", one / "src/main.py", one / "src"),
        ("plain", plain / "extension.py", plain),
        ("a", two / "a.py", two),
        ("b", two / "b/__init__.py", two / "b"),
    ]
    assert places.warnings == []


@pytest.mark.parametrize(
    ("manifest", "flaw"),
    [
        ("[tool.pi", "is passed over until it is mended: Expected"),
        ('[tool.pi]\nextensions = "a.py"', "must be a list of paths"),
        ('[tool.pi]\nextensions = ["gone.py"]', "lists 'gone.py', which is no Python file there"),
        ("[tool.pi]\nextensions = [3]", "lists 3, which is no Python file there"),
        ('[tool.pi]\nextensions = ["a\\u0000.py"]', "which is no Python file there"),
    ],
)
def test_a_wrong_manifest_is_said_and_stops_nothing(places, manifest, flaw):
    write(places.of_user / "bad/pyproject.toml", manifest)
    write(places.of_user / "good.py")
    assert list(places.find()) == ["good"]
    assert len(places.warnings) == 1
    assert flaw in places.warnings[0]


def test_a_named_path_is_a_file_an_extension_or_a_folder_of_them(places):
    write(places.root / "many/one.py")
    write(places.root / "many/two/extension.py")
    write(places.root / "_file.py")
    write(places.root / "package/__init__.py")
    write(places.root / "home/at_home.py")
    found = places.find("../many", "../_file.py", "../package/__init__.py", "~/at_home.py", find=False)
    assert list(found) == ["one", "two", "_file", "package", "at_home"]
    assert places.warnings == []


def test_what_is_named_in_vain_says_what_to_do(places):
    write(places.project / "tool.ts")
    write(places.project / "tool.mjs")
    write(places.project / "notes.txt")
    write(places.project / "npm/package.json", "{}")
    (places.project / "empty").mkdir()
    named = ("tool.ts", "tool.mjs", "notes.txt", "npm", "empty", "gone.py", "odd\0name.py", "x" * 5000)
    assert places.find(*named) == {}
    assert [warning.removeprefix(f"{places.project}/")[:60] for warning in places.warnings] == [
        "tool.ts is TypeScript: it runs in the original only. Name a ",
        "tool.mjs is JavaScript: it runs in the original only. Name a",
        "notes.txt is neither a Python file nor a folder, so no exten",
        "npm is an npm package: it runs in the original only. Name on",
        "empty has no extension in it. Put `def extension(pi):` into ",
        "gone.py doesn't exist, so no extension is loaded from it. Ch",
        "odd\0name.py doesn't exist, so no extension is loaded from it",
        "x" * 60,
    ]


def test_without_finding_only_named_ones_count(places):
    write(places.of_user / "user.py")
    write(places.agent / "listed.py")
    write(places.project / "named.py")
    assert list(places.find("named.py", user=["listed.py"], find=False)) == ["named"]


def test_settings_add_and_switch_off(places):
    for name in ("a.py", "b.py", "c/extension.py"):
        write(places.of_user / name)
    write(places.agent / "more/d.py")
    write(places.agent / "more/e.py")
    assert list(places.find(user=["more", "gone.py"])) == ["d", "e", "a", "b", "c"]
    assert list(places.find(user=["-extensions/a.py", "!b.*"])) == ["c"]
    assert list(places.find(user=["-extensions/c"])) == ["a", "b"]
    assert list(places.find(user=["!extensions/*", "+extensions/c"])) == ["c"]
    assert list(places.find(user=["more", "-more/e.py"])) == ["d", "a", "b", "c"]
    assert list(places.find(project=["-extensions/a.py"])) == ["a", "b", "c"]  # those are the user's
    assert places.warnings == []


def test_what_settings_switch_off_can_still_be_named(places):
    path = write(places.of_user / "a.py")
    assert list(places.find(str(path), user=["-extensions/a.py"])) == ["a"]


def test_the_original_setting_is_not_read(places):
    write(places.agent / "a.py")
    sides = [user_side(places.agent, Settings({"extensions": ["a.py"]}))]
    assert find_extensions(sides, (), places.project, places.warnings) == []


def test_ignored_files_are_no_extensions(places):
    write(places.of_user / ".gitignore", "draft.py\n")
    write(places.of_user / "draft.py")
    write(places.of_user / "done.py")
    assert list(places.find()) == ["done"]


def test_a_file_counts_once_however_it_is_reached(places):
    real = write(places.of_project / "real.py")
    (places.of_user / "link.py").symlink_to(real)
    (places.project / "other").symlink_to(places.of_project)
    assert places.find(str(real), "other", "other/real.py", project=["extensions/real.py"]) == {
        "real": "project/.pi/extensions/real.py"
    }


def test_a_second_of_one_name_gets_a_number(places):
    write(places.of_project / "todo.py")
    write(places.of_user / "todo.py")
    write(places.of_user / "todo-2.py")
    write(places.project / "todo/extension.py")
    assert places.find("todo") == {
        "todo": "project/todo/extension.py",
        "todo-2": "project/.pi/extensions/todo.py",
        "todo-2-2": "home/.pi/agent/extensions/todo-2.py",
        "todo-3": "home/.pi/agent/extensions/todo.py",
    }


def test_links_in_circles_and_weird_names_do_no_harm(places):
    (places.of_user / "loop").symlink_to(places.of_user / "loop")
    (places.of_user / "loop.py").symlink_to(places.of_user / "loop.py")
    (places.of_user / "up").symlink_to(places.of_user)
    (places.of_user / "gone.py").symlink_to(places.root / "nowhere.py")
    if hasattr(os, "mkfifo"):
        os.mkfifo(places.of_user / "pipe.py")
    write(places.of_user / "with space.and dots.py")
    write(places.of_user / "日本.py")
    with open(os.fsencode(places.of_user) + b"/\xff.py", "wb"):
        pass
    assert [source.name for source in places.sources()] == ["with space.and dots", "日本", "?"]
    assert places.warnings == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_forbidden_folder_stops_nothing(places):
    write(places.of_user / "secret/extension.py")
    write(places.of_project / "own.py")
    places.of_user.chmod(0)
    try:
        assert list(places.find(str(places.of_user))) == ["own"]
    finally:
        places.of_user.chmod(0o700)
    assert "can't be read" in places.warnings[0]
