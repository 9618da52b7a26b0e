import os
from pathlib import Path

import msgspec
import pytest

from pi.harness.discovery import SourceInfo, find_resources, project_side, user_side
from pi.harness.settings import Settings
from pi.harness.skills import Skill, advertise, expand_skill, load_skills


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def skill_file(folder: Path, name: str, *more: str) -> Path:
    """A SKILL.md in `folder`, as most people write it."""
    lines = ["---", f"name: {name}", f"description: About {name}", *more, "---", "", f"Do {name}."]
    return write(folder / "SKILL.md", "\n".join(lines))


class Places:
    """A home and a project in it, far from those of whoever runs the tests."""

    def __init__(self, root: Path):
        self.home, self.agent, self.project = root / "home", root / "home/.pi/agent", root / "repo/project"
        for folder in (self.agent, self.project, root / "repo/.git"):
            folder.mkdir(parents=True)
        self.root = root
        self.warnings: list[str] = []

    def find(self, *named: str, user: tuple[str, ...] = (), project: tuple[str, ...] = ()) -> list[str]:
        sides = [
            project_side(self.project, Settings({"skills": list(project)})),
            user_side(self.agent, Settings({"skills": list(user)})),
        ]
        found = find_resources("skills", sides, named, self.project, self.warnings)
        return [os.path.relpath(info.path, self.root) for info in found]


@pytest.fixture
def places(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    return Places(tmp_path)


def load(*paths: Path) -> tuple[tuple[Skill, ...], list[str]]:
    warnings: list[str] = []
    return load_skills([SourceInfo(str(path), "auto", "user") for path in paths], warnings), warnings


def test_the_project_comes_before_the_user_and_settings_before_folders(places):
    skill_file(places.agent / "skills/zeta", "zeta")
    skill_file(places.agent / "skills/nested/a", "a")
    write(places.agent / "skills/single.md", "---\ndescription: one\n---\n")
    skill_file(places.home / ".agents/skills/of-home", "of-home")
    skill_file(places.project / ".pi/skills/own", "own")
    skill_file(places.project / ".agents/skills/near", "near")
    skill_file(places.root / "repo/.agents/skills/up", "up")
    skill_file(places.root / ".agents/skills/outside", "outside")
    skill_file(places.project / ".claude/skills/claude", "claude")
    skill_file(places.home / "mine/more", "more")
    skill_file(places.project / "extra/one", "one")
    found = places.find("extra", user=("~/mine", "missing"), project=("../.claude/skills",))
    assert found == [
        "repo/project/.claude/skills/claude/SKILL.md",
        "repo/project/.pi/skills/own/SKILL.md",
        "repo/project/.agents/skills/near/SKILL.md",
        "repo/.agents/skills/up/SKILL.md",
        "home/mine/more/SKILL.md",
        "home/.pi/agent/skills/nested/a/SKILL.md",
        "home/.pi/agent/skills/single.md",
        "home/.pi/agent/skills/zeta/SKILL.md",
        "home/.agents/skills/of-home/SKILL.md",
        "repo/project/extra/one/SKILL.md",
    ]
    assert places.warnings == []


def test_the_users_agents_folder_is_never_the_projects(places):
    skill_file(places.home / ".agents/skills/a", "a")
    project = places.home / "work"
    project.mkdir()
    sides = [project_side(project, Settings()), user_side(places.agent, Settings())]
    (info,) = find_resources("skills", sides, (), project, [])
    assert msgspec.to_builtins(info) == {
        "path": str(places.home / ".agents/skills/a/SKILL.md"),
        "source": "auto",
        "scope": "user",
        "origin": "top-level",
        "baseDir": str(places.home / ".agents"),
    }


def test_a_skill_takes_its_folder_and_single_files_count_at_the_top_only(places):
    top = places.agent / "skills"
    skill_file(top / "a", "a")
    skill_file(top / "a/inner", "inner")
    write(top / "a/notes.md", "")
    write(top / "group/notes.md", "")
    write(top / "top.md", "")
    write(top / "top.txt", "")
    skill_file(top / ".hidden", "hidden")
    skill_file(top / "node_modules/dependency", "dependency")
    assert places.find() == ["home/.pi/agent/skills/a/SKILL.md", "home/.pi/agent/skills/top.md"]


def test_in_agents_folders_single_files_count_below_the_top_only(places):
    write(places.home / ".agents/skills/README.md", "")
    write(places.home / ".agents/skills/group/one.md", "")
    assert places.find() == ["home/.agents/skills/group/one.md"]


def test_ignore_files_are_obeyed(places):
    top = places.agent / "skills"
    skill_file(top / "a", "a")
    skill_file(top / "b", "b")
    skill_file(top / "group/c", "c")
    skill_file(top / "group/d", "d")
    write(top / ".gitignore", "b/\n")
    write(top / "group/.ignore", "/c\n")
    assert places.find() == ["home/.pi/agent/skills/a/SKILL.md", "home/.pi/agent/skills/group/d/SKILL.md"]


def test_links_are_followed_once_and_circles_end(places):
    top = places.agent / "skills"
    skill_file(places.root / "elsewhere/a", "a")
    skill_file(top / "b", "b")
    top.joinpath("link").symlink_to(places.root / "elsewhere")
    top.joinpath("link2").symlink_to(places.root / "elsewhere")
    top.joinpath("nowhere").symlink_to(places.root / "missing")
    places.root.joinpath("elsewhere/back").symlink_to(top)
    assert places.find(str(places.root / "elsewhere")) == [
        "home/.pi/agent/skills/b/SKILL.md",
        "home/.pi/agent/skills/link/a/SKILL.md",
    ]


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        (["!a"], "bc"),
        (["!skills/*"], ""),
        (["!**/[ab]"], "c"),
        (["!{a,b}"], "c"),
        (["!*", "+skills/a", "+./skills/b/SKILL.md", "+c"], "ab"),
        (["-skills/a"], "bc"),
        (["-a"], "abc"),
        (["+skills/a", "-skills/a"], "bc"),
        (["!SKILL.md"], ""),
        (["skills/a", "skills/b", "skills/b*"], "bc"),
        (["[z-a]", "!["], "abc"),
        (["", "  ", 5, "\0"], "abc"),
    ],
)
def test_settings_choose_by_glob_and_exact_path(places, patterns, names):
    for name in "abc":
        skill_file(places.agent / "skills" / name, name)
    expected = [f"home/.pi/agent/skills/{name}/SKILL.md" for name in names]
    assert places.find(user=tuple(patterns)) == expected


def test_each_sides_patterns_speak_of_its_own_files(places):
    skill_file(places.agent / "skills/a", "a")
    skill_file(places.project / ".pi/skills/a", "a")
    assert places.find(project=("!*",)) == ["home/.pi/agent/skills/a/SKILL.md"]


def test_a_flag_brings_back_what_settings_switch_off(places):
    path = skill_file(places.agent / "skills/a", "a")
    assert places.find(str(path), user=("-skills/a",)) == ["home/.pi/agent/skills/a/SKILL.md"]


def test_a_flag_that_names_nothing_is_told(places):
    write(places.project / "a.txt", "")
    assert places.find("missing", "a.txt") == []
    assert places.warnings == [
        f"{places.project / name} is neither a Markdown file nor a folder, so it adds no skills."
        for name in ("missing", "a.txt")
    ]


def test_a_skill_has_its_name_or_its_folders(tmp_path):
    named = skill_file(tmp_path / "one", "other", "disable-model-invocation: true")
    unnamed = write(tmp_path / "two" / "SKILL.md", "---\ndescription: 'D'\n---\n")
    skills, warnings = load(named, unnamed)
    assert skills == (
        Skill("other", "About other", named, SourceInfo(str(named), "auto", "user"), hidden=True),
        Skill("two", "D", unnamed, SourceInfo(str(unnamed), "auto", "user")),
    )
    assert warnings == []
    assert skills[0].folder == tmp_path / "one"


@pytest.mark.parametrize(
    ("fields", "flaw"),
    [
        (f"name: {'n' * 65}\ndescription: D", "the name has 65 characters, more than 64"),
        (
            "name: Bad_Name\ndescription: D",
            "the name 'Bad_Name' should be lowercase letters, digits and single hyphens between them",
        ),
        (
            "name: a--b\ndescription: D",
            "the name 'a--b' should be lowercase letters, digits and single hyphens between them",
        ),
        (
            "name: -a\ndescription: D",
            "the name '-a' should be lowercase letters, digits and single hyphens between them",
        ),
        (f"name: a\ndescription: {'d' * 1025}", "the description has 1025 characters, more than 1024"),
    ],
)
def test_what_the_specification_forbids_is_told_and_still_works(tmp_path, fields, flaw):
    path = write(tmp_path / "SKILL.md", f"---\n{fields}\n---\n")
    skills, warnings = load(path)
    assert len(skills) == 1
    assert warnings == [f"Skill {path}: {flaw}."]


def test_a_skill_without_a_description_or_with_broken_yaml_is_left_out_and_told(tmp_path):
    bare = write(tmp_path / "bare/SKILL.md", "Body")
    number = write(tmp_path / "number/SKILL.md", "---\ndescription: 12\n---\n")
    blank = write(tmp_path / "blank/SKILL.md", '---\ndescription: " "\n---\n')
    broken = write(tmp_path / "broken/SKILL.md", "---\ndescription: a: b\n---\n")
    gone = tmp_path / "gone/SKILL.md"
    skills, warnings = load(bare, number, blank, broken, gone)
    assert skills == ()
    assert warnings == [
        *[
            f'Skill {path} is left out: its frontmatter needs a "description".'
            for path in (bare, number, blank)
        ],
        f"Skill {broken} is left out until its frontmatter is mended: line 2, column 15: "
        "mapping values are not allowed in this context.",
        f"Can't read {gone}: No such file or directory. The skill is left out.",
    ]


def test_a_markdown_file_that_is_no_skill_is_passed_over_quietly(tmp_path):
    notes = write(tmp_path / "notes.md", "# Notes")
    broken = write(tmp_path / "broken.md", "---\na: b: c\n---\n")
    assert load(notes, broken) == ((), [])


def test_of_two_skills_with_one_name_the_first_is_kept_and_the_other_told(tmp_path):
    first, second = skill_file(tmp_path / "one", "same"), skill_file(tmp_path / "two", "same")
    skills, warnings = load(first, second)
    assert [skill.path for skill in skills] == [first]
    assert warnings == [f"Skill {second} is left out: {first} is named 'same' too. Rename one."]


def test_the_model_sees_name_description_and_place(tmp_path):
    path = write(tmp_path / "a/SKILL.md", "---\nname: a\ndescription: \"Bob's <b> & 'c'\"\n---\n")
    hidden = skill_file(tmp_path / "hidden", "hidden", "disable-model-invocation: true")
    skills, _ = load(path, hidden)
    told = advertise(skills, ["read", "bash"])
    assert told is not None
    intro, _, listed = told.partition("\n\n")
    assert "load its file with read" in intro
    assert listed == (
        "<available_skills>\n"
        "  <skill>\n"
        "    <name>a</name>\n"
        "    <description>Bob&apos;s &lt;b&gt; &amp; &apos;c&apos;</description>\n"
        f"    <location>{path}</location>\n"
        "  </skill>\n"
        "</available_skills>"
    )


def test_skills_are_shown_only_to_a_model_that_can_read_them(tmp_path):
    skills, _ = load(skill_file(tmp_path / "a", "a"))
    hidden, _ = load(skill_file(tmp_path / "b", "b", "disable-model-invocation: true"))
    assert "with bash" in (advertise(skills, ["bash", "edit"]) or "")
    assert advertise(skills, ["edit", "write"]) is None
    assert advertise(hidden, ["read"]) is None
    assert advertise((), ["read"]) is None


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("/skill:a", None),
        ("/skill:a ", None),
        ("/skill:a  extract a.pdf ", "extract a.pdf"),
        ("/skill:a\nline one\nline two", "line one\nline two"),
    ],
)
def test_a_skill_command_becomes_the_skills_text(tmp_path, typed, words):
    path = skill_file(tmp_path / "a", "a", "disable-model-invocation: true")
    skills, warnings = load(path)
    block = (
        f'<skill name="a" location="{path}">\nReferences are relative to {path.parent}.\n\nDo a.\n</skill>'
    )
    assert expand_skill(typed, skills, warnings) == (f"{block}\n\n{words}" if words else block)
    assert warnings == []


@pytest.mark.parametrize("typed", ["/skill:nope x", "/skill:", "skill:a", " /skill:a", "/skill:a,b", ""])
def test_any_other_text_stays_as_it_is(tmp_path, typed):
    skills, warnings = load(skill_file(tmp_path / "a", "a"))
    assert expand_skill(typed, skills, warnings) == typed
    assert warnings == []


def test_a_skill_that_is_gone_is_told_and_the_command_sent_as_typed(tmp_path):
    path = skill_file(tmp_path / "a", "a")
    skills, warnings = load(path)
    path.unlink()
    assert expand_skill("/skill:a now", skills, warnings) == "/skill:a now"
    assert warnings == [f"Can't read {path}: No such file or directory. The command is sent as it was typed."]
