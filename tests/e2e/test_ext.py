"""A real `pi -p`: the model writes an extension, checks it, loads it and uses it, in one conversation."""

import shlex
import sys
from typing import Any

import pytest

from tests.e2e.conftest import World

TOOL = '''"""Counts words."""
from typing import Annotated

from pi.ext import Ctx, ExtensionAPI


def extension(pi: ExtensionAPI) -> None:
    @pi.tool
    async def count_words(path: Annotated[str, "File"], *, ctx: Ctx) -> str:
        """Count the words of a file."""
        return f"{len((ctx.cwd / path).read_text().split())} words"
'''
PI_EXT = shlex.join([sys.executable, "-m", "pi", "ext"])


def calls(tool: str, **arguments: Any) -> dict[str, Any]:
    return {"toolCalls": [{"name": tool, "args": arguments}]}


@pytest.mark.parametrize("model", ["oai/m", "ant/m"])
def test_a_model_extends_the_session_it_is_in(world: World, model: str) -> None:
    (world.project / "notes.txt").write_text("the heron waits by the mill")
    world.provider.script(
        calls("write", path="count.py", content=TOOL),
        calls("bash", command=f"{PI_EXT} check count.py"),
        calls("bash", command=f"{PI_EXT} load count.py"),
        calls("count_words", path="notes.txt"),
        {"text": "Six words."},
    )

    done = world.run("-p", "--model", model, "Count the words of notes.txt with a tool of your own.")

    assert (done.returncode, done.stdout, done.stderr) == (0, "Six words.\n", "")
    tools = [
        [tool.get("name") or tool["function"]["name"] for tool in request["body"]["tools"]]
        for request in world.provider.requests
    ]
    assert ["count_words" in names for names in tools] == [False, False, False, True, True]
    (session,) = world.sessions()
    messages = [entry["message"] for entry in session if entry["type"] == "message"]
    results = [message["content"][0]["text"] for message in messages if message["role"] == "toolResult"]
    assert results[1].splitlines()[-1] == "All is well."
    assert results[2].splitlines()[-1] == "It is loaded before your next turn."
    assert results[3] == "6 words"
    (note,) = [entry for entry in session if entry["type"] == "custom_message"]
    assert note["content"] == 'Extension "count" is loaded: tool count_words.'


def test_the_demo_of_an_extension_does_what_it_says(world: World) -> None:
    done = world.run("demo", "extension")

    assert (done.returncode, done.stderr) == (0, "")
    for line in (
        "Pi demo: the model is scripted (no AI, no key, no network); the tools, files and session are real.",
        "    | All is well.",
        "    | It is loaded before your next turn.",
        '  Extension "count_words" is loaded: tool count_words.',
        "    | 12 words",
        "Pi: notes.txt has 12 words.",
    ):
        assert line in done.stdout.splitlines()
    assert world.sessions() == []


def test_each_ext_command_that_help_names_is_known(world: World) -> None:
    done = world.run("ext", "--help")
    assert done.returncode == 0
    for verb in ("new", "check", "load", "list"):
        assert f"pi ext {verb}" in done.stdout
    unknown = world.run("ext", "sing")
    assert unknown.returncode == 1
    assert unknown.stderr.startswith("Error: pi ext doesn't know sing.")
