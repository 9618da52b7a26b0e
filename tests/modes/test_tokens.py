"""`pi tokens` counts the very request that a run sends, and sends nothing itself."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pi.llm.messages import Image
from pi.modes.tokens import Count, Part, as_table, count
from pi.platform.errors import PiError
from pi.sdk import PromptChoice, ResourceChoice, ToolChoice, create_agent_session
from tests.e2e.conftest import Provider, World

NOBODY = "http://127.0.0.1:9"  # nothing is sent, so nobody has to be there


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    provider = Provider()
    yield provider
    provider.close()


@pytest.fixture
def world(tmp_path: Path, provider: Provider) -> World:
    provider.script()
    provider.requests.clear()
    world = World(tmp_path, provider)
    (world.agent / "AGENTS.md").write_text("Of the user: be kind. 😀\n")
    (world.project / "AGENTS.md").write_text("Of the project.\n")
    skill = world.agent / "skills" / "fish"
    skill.mkdir(parents=True)
    (skill / "SKILL.md").write_text("---\nname: fish\ndescription: Cooks <fish> & more\n---\nFry it.\n")
    return world


def utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def counted(agent: Path, project: Path, api: str, text: str = "", **given: Any) -> Count:
    model = {"id": "m", "input": given.pop("input", ["text"])}
    entry = {"baseUrl": NOBODY, "api": api, "apiKey": f"!touch {agent}/ran", "models": [model]}
    (agent / "models.json").write_text(json.dumps({"providers": {"p": entry}}))
    images = given.pop("images", ())

    async def main() -> Count:
        session = await create_agent_session(cwd=project, agent_dir=agent, model="p/m", **given)
        return await count(session, text, images)

    return asyncio.run(main())


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    agent, project = tmp_path / "agent", tmp_path / "project"
    agent.mkdir()
    project.mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PI_CODING_AGENT_DIR", str(agent))
    return agent, project


@pytest.mark.parametrize("flags", [(), ("--tools", "read,grep", "-nc"), ("--system-prompt", "Du bist Ä")])
@pytest.mark.parametrize("model", ["oai/m", "ant/m"])
def test_the_characters_are_those_of_the_request_that_a_run_sends(
    world: World, model: str, flags: tuple[str, ...]
) -> None:
    words = ("--model", model, *flags)
    text = "How long is a 🐟?"

    told = json.loads(world.run("tokens", "--json", *words, text).stdout)
    assert world.provider.requests == []
    world.run(*words, "-p", text)

    (body,) = (request["body"] for request in world.provider.requests)
    system = body["system"][0]["text"] if "system" in body else body["messages"][0]["content"]
    tools = [(tool.get("name") or tool["function"]["name"], utf16(compact(tool))) for tool in body["tools"]]
    assert told["system"]["characters"] == utf16(system)
    assert [(part["name"], part["characters"]) for part in told["tools"]["parts"]] == tools
    assert told["message"]["characters"] == utf16(body["messages"][-1]["content"][0]["text"]) == utf16(text)


def test_piped_text_and_files_are_part_of_the_message(world: World) -> None:
    (world.project / "a.txt").write_text("A\n")

    told = json.loads(
        world.run("tokens", "--json", "--model", "oai/m", "@a.txt", "Explain", stdin="x\n").stdout
    )

    whole = f'x<file name="{world.project / "a.txt"}">\nA\n\n</file>\nExplain'
    assert told["message"]["characters"] == len(whole)


def test_each_section_context_file_skill_and_tool_has_its_line(world: World) -> None:
    done = world.run("tokens", "--model", "ant/m", "Hello")

    lines = [line.strip().split("  ")[0] for line in done.stdout.splitlines()]
    wanted = [
        "System prompt",
        "preamble",
        str(world.agent / "AGENTS.md"),
        str(world.project / "AGENTS.md"),
        "fish",
        "Tools",
        "bash",
        "Message",
        "Total",
    ]
    assert [line for line in lines if line in wanted] == wanted
    assert "cache_control" in done.stdout and "128,000 tokens" in done.stdout
    assert (done.returncode, done.stderr) == (0, "")


def parts_add_up(part: Part) -> bool:
    whole = not part.parts or part.characters == sum(inner.characters for inner in part.parts)
    return whole and all(parts_add_up(inner) for inner in part.parts)


def test_what_parts_consist_of_adds_up_even_when_one_file_quotes_another(
    folders: tuple[Path, Path],
) -> None:
    agent, project = folders
    quoted = f'<project_instructions path="{project / "AGENTS.md"}">\nMine\n'
    (agent / "AGENTS.md").write_text(f"See:\n{quoted}</project_instructions>\n")
    (project / "AGENTS.md").write_text("Mine, and more\n")

    told = counted(agent, project, "openai-completions", "Hi")

    assert all(map(parts_add_up, (told.system, told.tools, told.message)))
    context = next(part for part in told.system.parts if part.name == "project_context")
    assert [part.name for part in context.parts] == [
        "(heading)",
        str(agent / "AGENTS.md"),
        str(project / "AGENTS.md"),
    ]


@pytest.mark.parametrize(
    ("api", "cache"),
    [
        ("anthropic-messages", "marked"),
        ("openai-completions", "automatic"),
        ("openai-responses", "keyed"),
        ("google-generative-ai", "automatic"),
    ],
)
def test_every_protocol_is_counted_without_a_key_and_without_running_the_command_for_one(
    folders: tuple[Path, Path], api: str, cache: str
) -> None:
    told = counted(*folders, api, "Hi")

    assert [part.name for part in told.tools.parts] == ["read", "bash", "edit", "write"]
    assert (told.model, told.api, told.cache) == ("p/m", api, cache)
    assert told.prefix_tokens == told.system.tokens + told.tools.tokens == told.total.tokens - 1
    assert not (folders[0] / "ran").exists()


def test_nothing_but_a_message_is_nothing_but_a_message(folders: tuple[Path, Path]) -> None:
    told = counted(
        *folders,
        "openai-completions",
        tools=ToolChoice(only=()),
        prompt=PromptChoice(system="Be", context_files=False),
        resources=ResourceChoice(find_skills=False),
    )

    assert told.tools == Part("Tools", 0, 0)
    assert told.message == Part("Message", 0, 0)
    assert [part.name for part in told.system.parts] == ["preamble", "cwd"]
    assert "Total" in as_table(told)


def test_an_image_counts_as_the_model_bills_it_and_only_where_it_can_see(folders: tuple[Path, Path]) -> None:
    image = Image("iVBORw0KGgo=", "image/png")

    blind = counted(*folders, "openai-completions", "See", images=(image,))
    seeing = counted(*folders, "openai-completions", "See", images=(image,), input=["text", "image"])

    assert blind.message == Part("Message", 49, 13)  # with the note that stands in for it
    assert seeing.message == Part(
        "Message", 15, 1201, (Part("text", 3, 1), Part("image/png", len(image.data), 1200))
    )


def test_a_protocol_that_nobody_speaks_is_an_error_that_says_so(folders: tuple[Path, Path]) -> None:
    with pytest.raises(PiError, match='No protocol for api "morse"'):
        counted(*folders, "morse", "Hi")


@pytest.mark.parametrize("words", [("--continue",), ("--session", "x"), ("--fork", "x"), ("--resume",)])
def test_a_session_that_exists_is_refused(world: World, words: tuple[str, ...]) -> None:
    done = world.run("tokens", *words)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith(f"Leave out {words[0]}.\n")


def test_without_a_model_it_says_how_to_get_one(world: World) -> None:
    world.write_models({})

    done = world.run("tokens", "Hi")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: No model can be used") and "To go on, one of:" in done.stderr


def test_help_and_unknown_options(world: World) -> None:
    assert world.run("tokens", "--help").stdout.startswith("Usage: pi tokens")
    assert world.run("tokens", "--nonsense").stderr == "Error: Unknown option: --nonsense\n"
    assert "pi tokens" in world.run("--help").stdout
