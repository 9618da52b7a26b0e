import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi.agent.events import AgentStart
from pi.harness.discovery import SourceInfo, find_resources, project_side, user_side
from pi.harness.events import QueueUpdate
from pi.harness.prompts import PromptTemplate, expand, load_templates, split_arguments, substitute
from pi.harness.settings import Settings
from pi.llm.messages import UserMessage, content_text
from pi.sdk import ResourceChoice, create_agent_session
from pi.testing import ScriptedModel


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def load(*paths: Path) -> tuple[tuple[PromptTemplate, ...], list[str]]:
    warnings: list[str] = []
    return load_templates([SourceInfo(str(path), "auto", "user") for path in paths], warnings), warnings


def find(root: Path, *named: str, user: tuple[str, ...] = (), project: tuple[str, ...] = ()) -> list[str]:
    sides = [
        project_side(root / "project", Settings({"prompts": list(project)})),
        user_side(root / "agent", Settings({"prompts": list(user)})),
    ]
    found = find_resources("prompts", sides, named, root / "project", [])
    return [Path(info.path).relative_to(root).as_posix() for info in found]


def test_folders_give_direct_files_and_settings_nested_ones_too(tmp_path):
    for name in (
        "agent/prompts/a.md",
        "agent/prompts/deep/b.md",
        "agent/prompts/c.txt",
        "agent/more/deep/d.md",
        "project/.pi/prompts/e.md",
        "project/.pi/one.md",
        "project/extra/f.md",
        "project/extra/deep/g.md",
    ):
        write(tmp_path / name, "x")
    assert find(tmp_path, "extra", user=("more", "!a.md"), project=("one.md",)) == [
        "project/.pi/one.md",
        "project/.pi/prompts/e.md",
        "agent/more/deep/d.md",
        "project/extra/f.md",
    ]


def test_a_template_is_named_by_its_file_and_described_by_its_frontmatter(tmp_path):
    path = write(
        tmp_path / "review.md", '---\ndescription: Review it\nargument-hint: "[focus]"\n---\n\nLook at $1.\n'
    )
    source = SourceInfo(str(path), "auto", "user")
    assert load(path) == (
        (PromptTemplate("review", "Review it", "Look at $1.", path, source, argument_hint="[focus]"),),
        [],
    )


@pytest.mark.parametrize(
    ("text", "description"),
    [
        ("First line\nBody", "First line"),
        ("\n\n  led by spaces\n", "  led by spaces"),
        ("x" * 60, "x" * 60),
        ("x" * 61, "x" * 60 + "..."),
        ("---\ndescription: 12\nargument-hint: [a]\n---\nBody", "Body"),
        ("", ""),
    ],
)
def test_without_a_description_the_first_line_stands_in(tmp_path, text, description):
    ((template,), warnings) = load(write(tmp_path / "a.md", text))
    assert (template.description, template.argument_hint, warnings) == (description, None, [])


def test_a_template_that_cannot_be_read_is_left_out_and_told(tmp_path):
    broken = write(tmp_path / "broken.md", "---\na: b: c\n---\n")
    gone = tmp_path / "gone.md"
    assert load(broken, gone) == (
        (),
        [
            f"Template {broken} is left out until its frontmatter is mended: line 2, column 5: "
            "mapping values are not allowed in this context.",
            f"Can't read {gone}: No such file or directory. The template is left out.",
        ],
    )


def test_of_two_templates_with_one_name_the_first_is_kept_and_the_other_told(tmp_path):
    first, second = write(tmp_path / "one/a.md", "1"), write(tmp_path / "two/a.md", "2")
    templates, warnings = load(first, second)
    assert [template.text for template in templates] == ["1"]
    assert warnings == [f"Template {second} is left out: {first} is /a too. Rename one."]


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("", []),
        ("   ", []),
        ("a b\tc\nd", ["a", "b", "c", "d"]),
        ('"API compat" second', ["API compat", "second"]),
        ("'single quoted' x", ["single quoted", "x"]),
        ("doesn't matter, isn't it", ["doesn't", "matter,", "isn't", "it"]),
        ('say "never closed', ["say", '"never', "closed"]),
        ("' a", ["'", "a"]),
        ('"the \\"fast\\" path"', ['the "fast" path']),
        ("'it\\'s' \"it\\'s\"", ["it's", "it\\'s"]),
        ('"C:\\dir\\\\n"', ["C:\\dir\\\\n"]),
        ('"open \\"', ['"open', '\\"']),
        ('"" x', ["", "x"]),
        ("''", [""]),
        ('"a b"c d', ["a bc", "d"]),
        ('a"b c"', ['a"b', 'c"']),
        ('"two\nlines"', ["two\nlines"]),
    ],
)
def test_arguments_are_split_at_spaces_outside_quotes(text, arguments):
    assert split_arguments(text) == arguments


@given(st.lists(st.text(st.characters(exclude_characters='"\\'))))
def test_what_is_quoted_comes_back_as_it_was(arguments):
    assert split_arguments(" ".join(f'"{argument}"' for argument in arguments)) == arguments


@given(st.text("a \"'\\\n"))
def test_no_argument_is_lost(text):
    kept = "".join(split_arguments(text))
    assert kept.count("a") == text.count("a")


@pytest.mark.parametrize(
    ("text", "arguments", "filled"),
    [
        ("Tidy $1 with $2 ($#) $3.", ["src", "main.py"], "Tidy src with main.py ($#) ."),
        ("$@|$ARGUMENTS", ["a", "b c"], "a b c|a b c"),
        ("$1$1 $10 $0", ["x"], "xx  "),
        ("${1:-everything}", [], "everything"),
        ("${1:-everything}", [""], "everything"),
        ("${1:-everything}", ["x"], "x"),
        ("${@:-all of it}|${ARGUMENTS:-none}", [], "all of it|none"),
        ("${@:-all}", ["a", "b"], "a b"),
        ("${2:-}", ["a"], ""),
        ("${@:2}|${@:2:1}|${@:0}|${@:9}|${@:1:0}", ["a", "b", "c"], "b c|b|a b c||"),
        ("$1 ${2:-$1}", ["$2 $@"], "$2 $@ $1"),
        ("$x ${x} ${1} $$ $", ["a"], "$x ${x} ${1} $$ $"),
        (f"${'9' * 5000}|${{@:{'9' * 5000}}}", ["a"], "|"),
    ],
)
def test_placeholders_are_filled_in_one_pass(text, arguments, filled):
    assert substitute(text, arguments) == filled


@given(st.lists(st.text()), st.text("$@{}:-123ARGUMENTS x"))
def test_any_template_can_be_filled(arguments, text):
    assert isinstance(substitute(text, arguments), str)


def test_a_command_expands_and_anything_else_stays_as_it_is(tmp_path):
    templates, _ = load(
        write(tmp_path / "fix.md", "Fix: $@"), write(tmp_path / "skill:ghost.md", "No skill: $1")
    )
    for typed, said in {
        "/fix": "Fix: ",
        "/fix\nthe thing\nnow": "Fix: the thing now",
        "/fix  a  'b  c'": "Fix: a b  c",
        "/fixed a": "/fixed a",
        "/unknown thing": "/unknown thing",
        " /fix a": " /fix a",
        "/": "/",
        "fix": "fix",
        "/skill:ghost boo": "No skill: boo",
    }.items():
        assert expand(typed, (), templates, []) == said


def make_world(root: Path) -> Path:
    """An agent directory and a project with one skill and one template each."""
    for side in ("agent", "project/.pi"):
        name = "mine" if side == "agent" else "theirs"
        text = f"---\nname: {name}\ndescription: D\n---\n\nDo {name}."
        write(root / side / "skills" / name / "SKILL.md", text)
        write(root / side / "prompts" / f"{name}.md", f"{name}: $1")
    return root / "agent"


async def open_session(root: Path, model: ScriptedModel, trust: bool | None, **choice):
    return await create_agent_session(
        cwd=root / "project",
        agent_dir=root / "agent",
        model=model.model,
        trust=trust,
        resources=ResourceChoice(**choice),
    )


@pytest.fixture(autouse=True)
def home(tmp_path_factory, monkeypatch):
    home = str(tmp_path_factory.mktemp("home"))
    monkeypatch.setenv("HOME", home)
    monkeypatch.setenv("USERPROFILE", home)


@pytest.mark.parametrize(
    ("trust", "choice", "skills", "templates"),
    [
        (True, {}, ["theirs", "mine"], ["theirs", "mine"]),
        (False, {}, ["mine"], ["mine"]),
        (None, {}, ["mine"], ["mine"]),
        (True, {"find_skills": False}, [], ["theirs", "mine"]),
        (True, {"find_templates": False}, ["theirs", "mine"], []),
        (
            False,
            {"find_skills": False, "skills": (".pi/skills",), "find_templates": False},
            ["theirs"],
            [],
        ),
        (False, {"find_templates": False, "templates": (".pi/prompts/theirs.md",)}, ["mine"], ["theirs"]),
    ],
)
def test_a_projects_own_are_used_only_when_it_is_trusted(tmp_path, trust, choice, skills, templates):
    make_world(tmp_path)
    model = ScriptedModel("fine")
    session = asyncio.run(open_session(tmp_path, model, trust, **choice))
    setup = session.state.setup
    assert [skill.name for skill in setup.skills] == skills
    assert [template.name for template in setup.templates] == templates
    assert session.warnings == []


def test_an_untrusted_projects_settings_name_no_skills(tmp_path):
    make_world(tmp_path)
    write(tmp_path / "project/extra/SKILL.md", "---\nname: extra\ndescription: D\n---\n")
    write(tmp_path / "project/.pi/settings.json", json.dumps({"skills": ["../extra"]}))
    for trust, names in ((False, ["mine"]), (True, ["extra", "theirs", "mine"])):
        session = asyncio.run(open_session(tmp_path, ScriptedModel("fine"), trust))
        assert [skill.name for skill in session.state.setup.skills] == names


def test_the_session_says_a_template_in_full_and_names_skills_in_its_prompt(tmp_path):
    make_world(tmp_path)
    model = ScriptedModel("one", "two", "three")

    async def talk():
        session = await open_session(tmp_path, model, False)
        for text in ("/mine src", "/skill:mine now", "/theirs src"):
            await session.prompt(text)

    asyncio.run(talk())
    path = tmp_path / "agent/skills/mine/SKILL.md"
    said = [
        content_text(message.content)
        for message in model.asked[-1].context.messages
        if isinstance(message, UserMessage)
    ]
    assert said == [
        "mine: src",
        f'<skill name="mine" location="{path}">\nReferences are relative to {path.parent}.\n\n'
        "Do mine.\n</skill>\n\nnow",
        "/theirs src",
    ]
    assert f"<location>{path}</location>" in model.asked[0].context.system


def test_what_steers_a_running_session_is_expanded_too(tmp_path):
    make_world(tmp_path)
    queued: list[QueueUpdate] = []

    async def talk():
        session = await open_session(tmp_path, ScriptedModel("one", "two", "three"), False)

        async def listen(event):
            if isinstance(event, AgentStart):
                await session.prompt("/mine steered", when_busy="steer")
                await session.prompt("/mine followed", when_busy="follow_up")
            elif isinstance(event, QueueUpdate):
                queued.append(event)

        session.subscribe(listen)
        await session.prompt("go")
        return [content_text(m.content) for m in session.messages if isinstance(m, UserMessage)]

    assert asyncio.run(talk()) == ["go", "mine: steered", "mine: followed"]
    assert queued[:2] == [
        QueueUpdate(("mine: steered",), ()),
        QueueUpdate(("mine: steered",), ("mine: followed",)),
    ]


def test_collisions_and_missing_paths_are_in_the_sessions_warnings(tmp_path):
    make_world(tmp_path)
    write(tmp_path / "project/.pi/prompts/mine.md", "other")
    session = asyncio.run(open_session(tmp_path, ScriptedModel("fine"), True, skills=("nowhere",)))
    assert session.warnings == [
        f"{tmp_path / 'project/nowhere'} is neither a Markdown file nor a folder, so it adds no skills.",
        f"Template {tmp_path / 'agent/prompts/mine.md'} is left out: "
        f"{tmp_path / 'project/.pi/prompts/mine.md'} is /mine too. Rename one.",
    ]
