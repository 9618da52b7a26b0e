"""The programs of examples/sdk and the blocks of docs/sdk.md run as they are; the provider is on loopback."""

import ast
import asyncio
import inspect
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import pi
from tests.e2e.conftest import Provider, World
from tests.llm.lists import Lists, reply

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "sdk"
PAGE = (ROOT / "docs" / "sdk.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    provider = Provider()
    yield provider
    provider.close()


@pytest.fixture
def world(tmp_path: Path, provider: Provider) -> World:
    provider.script()
    provider.requests.clear()
    return World(tmp_path, provider)


def start(world: World, name: str, *words: str, stdin: str = "", **env: str) -> tuple[int, str]:
    """Exit code and output of an example with the model oai/m; it may not complain about anything."""
    done = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / f"{name}.py"), *words],
        cwd=world.project,
        env={**world.env, "MODEL": "oai/m", **env},
        input=stdin,
        text=True,
        capture_output=True,
        timeout=60,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


def tool_call(name: str, /, **arguments: Any) -> dict[str, Any]:
    return {"name": name, "args": arguments}


def spoken(request: dict[str, Any]) -> list[Any]:
    """What user and model have said in a request, as the provider gets it."""
    return [m["content"] for m in request["body"]["messages"] if m["role"] in ("user", "assistant")]


def test_every_example_has_a_test() -> None:
    tests = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert [
        path.stem for path in EXAMPLES.glob("*.py") if path.stem not in {t.split("_")[0] for t in tests}
    ] == []


def test_ask_prints_the_answer(world: World) -> None:
    world.provider.script({"text": "It greets."})
    assert start(world, "ask", "What", "is", "it?") == (0, "It greets.\n")
    assert spoken(world.provider.requests[0]) == [[{"type": "text", "text": "What is it?"}]]


def test_review_asks_once_more_for_what_fits_and_fails_on_a_bug(world: World) -> None:
    world.provider.script(
        {"text": '[{"line": 1, "kind": "typo", "text": "?"}]'},
        {"text": '[{"line": 3, "kind": "bug", "text": "Off by one"}]', "match": "Invalid enum value"},
    )
    assert start(world, "review", "a.py") == (1, "a.py:3: bug: Off by one\n")


def test_review_of_clean_files_succeeds(world: World) -> None:
    world.provider.script(after={"text": "[]"})
    assert start(world, "review", "a.py", "b.py") == (0, "")
    assert len(world.provider.requests) == 2


def test_shop_lets_the_model_call_functions_and_nothing_else(world: World) -> None:
    world.provider.script(
        {"toolCalls": [tool_call("prices")]},
        {"toolCalls": [tool_call("order", name="coffee", count=3)], "match": '\\"black tea\\": 3.2'},
        {"toolCalls": [tool_call("order", name="black tea", count=3)], "match": "There is no coffee"},
        {"text": "Done.", "match": "3 x black tea: 9.60 EUR"},
    )
    assert start(world, "shop") == (0, "Done.\nOrdered: [('black tea', 3)]\n")
    tools = world.provider.requests[0]["body"]["tools"]
    assert [tool["function"]["name"] for tool in tools] == ["prices", "order"]


def test_watch_shows_text_and_tools_as_they_come(world: World) -> None:
    world.provider.script(
        {"text": "Let me see.", "toolCalls": [tool_call("read", path="nowhere")]}, {"text": "Nothing there."}
    )
    shown = "Let me see.\n[read {'path': 'nowhere'}]\n[read failed]\nNothing there.\n"
    assert start(world, "watch") == (0, shown)


def test_chat_goes_on_where_it_was_left(world: World) -> None:
    world.provider.script({"text": "Hello Ada."}, {"text": "Ada."})
    assert start(world, "chat", stdin="I am Ada.\nWho am I?\n") == (0, "Hello Ada.\nAda.\n")
    world.provider.script(after={"text": "Still Ada."})
    assert start(world, "chat", stdin="And now?\n") == (0, "Still Ada.\n")
    assert len(spoken(world.provider.requests[-1])) == 5


def test_steer_is_heard_in_its_turn(world: World) -> None:
    world.provider.script(
        {"toolCalls": [tool_call("bash", command="wc -l *.py")]},
        {"text": "Without the tests: 3.", "match": "Leave out the tests."},
        {"text": "a.py", "match": "Which file is the longest?"},
    )
    assert start(world, "steer") == (0, "Without the tests: 3.\na.py\n")


def test_steer_stops_a_run_that_calls_too_many_tools(world: World) -> None:
    world.provider.script(after={"text": "One more.", "toolCalls": [tool_call("ls", path=".")]})
    code, shown = start(world, "steer")
    assert code == 0
    assert 20 <= len(shown.splitlines()) <= 22


def test_switch_hands_the_plan_to_the_other_model(world: World) -> None:
    world.provider.script({"text": "1. Parse it."}, {"text": "Parsed.", "match": "1. Parse it."})
    assert start(world, "switch", PLANNER="ant/m") == (0, "m: Parsed.\n")
    paths = [request["path"].partition("?")[0] for request in world.provider.requests]
    assert paths == ["/v1/messages", "/v1/chat/completions"]


@pytest.mark.parametrize(("answer", "ran"), [("y", True), ("n", False)])
def test_careful_runs_a_command_only_after_a_yes(world: World, answer: str, ran: bool) -> None:
    heard = "(no output)" if ran else "The user doesn't want this command."
    world.provider.script(
        {"toolCalls": [tool_call("bash", command="touch made")]}, {"text": "So be it.", "match": heard}
    )
    assert start(world, "careful", stdin=f"{answer}\n") == (0, "Run `touch made`? [y/N]\nSo be it.\n")
    assert (world.project / "made").exists() is ran


def test_picture_is_sent_and_comes_back_as_a_value(world: World) -> None:
    from PIL import Image

    Image.new("RGB", (4, 4), "red").save(world.project / "red.png")
    models = json.loads((world.agent / "models.json").read_text())["providers"]
    models["oai"]["models"][0]["input"] = ["text", "image"]
    world.write_models(models)
    world.provider.script({"text": '{"title": "Red", "alt_text": "A red square.", "people": 0}'})
    assert start(world, "picture", "red.png") == (0, "Red (0 people)\nA red square.\n")
    text, image = spoken(world.provider.requests[0])[0]
    assert text["text"].startswith("Describe this picture")
    assert image["image_url"]["url"].startswith("data:image/png;base64,")


def test_an_example_without_a_usable_model_says_so(world: World) -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "ask.py")],
        cwd=world.project,
        env={**world.env, "PI_CODING_AGENT_DIR": os.devnull},
        text=True,
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "NoModelError: No model can be used" in done.stderr


# The page: its blocks in their order, what the model says to each, and what each prints

BLOCKS: dict[str, tuple[list[Any], str]] = {
    "import pi": ([{"text": "None."}], "None.\n"),
    "from pathlib import Path\n\nanswer": ([{"text": "It greets."}], "It greets.\n"),
    "import msgspec": ([{"text": '{"name": "Tokyo", "people": 14000000}'}], "Tokyo 14000000\n"),
    "from typing import Annotated": (
        [
            {"toolCalls": [tool_call("in_stock", name="coffee")]},
            {"toolCalls": [tool_call("in_stock", name="tea")], "match": "There is no coffee; there are: tea"},
            {"text": "There is.", "match": '"12"'},
        ],
        "There is.\n",
    ),
    "try:": ([{"fault": {"kind": "http", "status": 400, "rawBody": "Out of order"}}], "400 Out of order\n"),
    "from pathlib import Path\n\nsession": (
        [{"text": "Hello."}, {"text": "Ada.", "match": "My name is Ada."}],
        "Ada.\n",
    ),
    "session = await pi.create_agent_session()\nevents": ([{"text": "Knock, knock."}], "Knock, knock."),
    "session = await pi.create_agent_session()\ntask": (
        [
            {"toolCalls": [tool_call("bash", command="true")]},
            {"text": "Passed.", "match": "Leave the slow ones out."},
            {"text": "Written.", "match": "Then write the changelog."},
        ],
        "",
    ),
    "session = await pi.create_agent_session(model": (
        [{"text": "1. Do it."}, {"text": "Done.", "match": "1. Do it."}],
        "cheap\n",
    ),
    'await pi.login("groq"': ([], "['Groq']\n"),
    "from pi.ext import Block": (
        [
            {"toolCalls": [tool_call("bash", command="date")], "match": "Answer in French."},
            {"text": "Je ne sais pas.", "match": "There is no shell here."},
        ],
        "",
    ),
}


# Likewise those about models that don't chat: what is asked, what it answers and what is printed.
UNSPOKEN: dict[str, tuple[str, Any, str]] = {
    "from base64 import b64decode": (
        "POST /chat/completions",
        {
            "choices": [{"message": {"images": [{"image_url": "data:image/png;base64,Rm94"}]}}],
            "usage": {"prompt_tokens": 1_000_000},
        },
        "stop 0.3\n",
    ),
    "found = await pi.classify": (
        "POST /systemone",
        {
            "answers": {
                "approved": {"type": "noul", "noul": 0.9},
                "mood": {
                    "type": "choice",
                    "choice": "happy",
                    "probabilities": {"happy": 0.8, "angry": 0.2},
                    "confidence": 0.7,
                },
                "haste": {"type": "score", "score": 0.25, "confidence": 0.5},
            }
        },
        "0.9 happy 0.25\n",
    ),
}


def test_the_page_has_the_blocks_that_are_run_here() -> None:
    pairs = zip([*BLOCKS, *UNSPOKEN], python_blocks(), strict=True)
    assert [begin for begin, block in pairs if not block.startswith(begin)] == []


@pytest.mark.parametrize("begin", UNSPOKEN)
def test_a_block_about_models_that_dont_chat_does_what_it_says(
    tmp_path: Path, begin: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, answer, printed = UNSPOKEN[begin]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PI_CODING_AGENT_DIR", str(tmp_path))
    with Lists().running() as server:
        server.answers[path] = reply(answer)
        entry = {"baseUrl": server.url, "apiKey": "sk-secret-key"}
        providers = {"providers": {"openrouter": entry, "typesafe": entry}}
        (tmp_path / "models.json").write_text(json.dumps(providers))
        (block,) = [block for block in python_blocks() if block.startswith(begin)]
        run_block(block)
    assert capsys.readouterr().out == printed
    assert [each.read_bytes() for each in tmp_path.glob("*.png")] == [b"Fox"] * ("b64decode" in begin)


def python_blocks() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("begin", BLOCKS)
def test_a_block_of_the_page_does_what_it_says(
    world: World, begin: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    strong = [{"id": "strong", "reasoning": True}, {"id": "claude-sonnet-5-5", "reasoning": True}]
    models = [*strong, {"id": "cheap"}]
    url = f"http://127.0.0.1:{world.provider.port}/v1"
    world.write_models(
        {"lab": {"baseUrl": url, "api": "openai-completions", "apiKey": "sk-secret-key", "models": models}}
    )
    world.settings(defaultProvider="lab", defaultModel="strong")
    (world.project / "src").mkdir()
    monkeypatch.chdir(world.project)
    monkeypatch.setenv("PI_CODING_AGENT_DIR", str(world.agent))
    turns, printed = BLOCKS[begin]
    world.provider.script(*turns)
    (block,) = [block for block in python_blocks() if block.startswith(begin)]
    run_block(block)
    assert capsys.readouterr().out == printed
    assert len(world.provider.requests) == len(turns)


def run_block(block: str) -> None:
    """Runs it as `python -m asyncio` would, with what the page takes for granted."""
    names = {"pi": pi, "asyncio": asyncio}
    code = compile(block, "sdk.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)

    async def main() -> None:
        done = eval(code, names)
        if inspect.isawaitable(done):
            await done

    asyncio.run(main())
