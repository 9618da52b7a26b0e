"""`pi.run` and its twin: texts and values, tools and images, failures, Ctrl-C, light imports, types."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypedDict

import msgspec
import pytest

import pi
from pi.llm.messages import Image, content_text
from pi.testing import Reply, ScriptedModel, call

posix = pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT to one process")


class City(msgspec.Struct):
    name: str
    people: int


@dataclass
class Town:
    name: str
    people: int


class Village(TypedDict):
    name: str
    people: int


def ask(model: ScriptedModel, folder: Path, prompt: str = "Go", **options: Any) -> Any:
    return pi.run_sync(prompt, model=model.model, cwd=folder, agent_dir=folder / "agent", **options)


def asked(model: ScriptedModel, request: int = -1) -> str:
    """What the user said last in a request."""
    return content_text(model.asked[request].context.messages[-1].content)


# Answers


def test_the_answer_is_a_text(tmp_path: Path) -> None:
    assert ask(ScriptedModel("Hello"), tmp_path) == "Hello"


def test_nothing_is_saved_without_a_store(tmp_path: Path) -> None:
    ask(ScriptedModel("Hello"), tmp_path)
    assert list(tmp_path.rglob("*.jsonl")) == []


def test_a_stored_session_is_gone_on_with(tmp_path: Path) -> None:
    path, model = tmp_path / "talk.jsonl", ScriptedModel("Hello Ada", "Ada")
    assert ask(model, tmp_path, "I am Ada", store=pi.Store.open(path)) == "Hello Ada"
    assert ask(model, tmp_path, "Who am I?", store=pi.Store.open(path)) == "Ada"
    assert [content_text(message.content) for message in model.asked[1].context.messages] == [
        "I am Ada",
        "Hello Ada",
        "Who am I?",
    ]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (City, City("Ulm", 126_000)),
        (Town, Town("Ulm", 126_000)),
        (Village, {"name": "Ulm", "people": 126_000}),
        (dict[str, Any], {"name": "Ulm", "people": 126_000}),
    ],
    ids=["Struct", "dataclass", "TypedDict", "dict"],
)
def test_the_answer_is_a_value_of_the_wanted_type(tmp_path: Path, kind: Any, value: Any) -> None:
    model = ScriptedModel('Here it is:\n```json\n{"name": "Ulm", "people": 126000}\n```')
    assert ask(model, tmp_path, "A city", output_type=kind) == value
    assert asked(model).startswith("A city\n\n")


def test_the_answer_is_a_pydantic_model_that_has_judged_it(tmp_path: Path) -> None:
    pydantic = pytest.importorskip("pydantic")
    kind = pydantic.create_model("Place", name=(str, ...), people=(int, pydantic.Field(gt=0)))
    model = ScriptedModel('{"name": "Ulm", "people": -1}', '{"name": "Ulm", "people": 5}')
    assert ask(model, tmp_path, output_type=kind) == kind(name="Ulm", people=5)
    assert "greater than 0" in asked(model)


def test_lists_numbers_and_choices_are_types_too(tmp_path: Path) -> None:
    assert ask(ScriptedModel('[{"name": "Ulm", "people": 5}]'), tmp_path, output_type=list[City]) == [
        City("Ulm", 5)
    ]
    assert ask(ScriptedModel("It is 42.", "42"), tmp_path, output_type=int) == 42
    assert ask(ScriptedModel("yes"), tmp_path, output_type=Literal["yes", "no"]) == "yes"


def test_an_answer_that_doesnt_fit_is_asked_for_again_with_what_is_wrong(tmp_path: Path) -> None:
    model = ScriptedModel('{"name": "Ulm"}', '{"name": "Ulm", "people": 5}')
    assert ask(model, tmp_path, output_type=City) == City("Ulm", 5)
    assert "missing required field `people`" in asked(model)


def test_a_model_that_cant_get_it_right_is_given_up_and_its_last_answer_is_there(tmp_path: Path) -> None:
    model = ScriptedModel("no", "No", "NO", "never asked")
    with pytest.raises(pi.RunError, match=r"no answer of the wanted type in 3 tries") as caught:
        ask(model, tmp_path, output_type=City)
    assert caught.value.message is not None
    assert caught.value.message.text == "NO"
    assert len(model.asked) == 3


def test_a_type_that_json_cant_say_is_a_type_error_and_nothing_is_asked(tmp_path: Path) -> None:
    model = ScriptedModel()
    with pytest.raises(TypeError, match="has no JSON Schema here"):
        ask(model, tmp_path, output_type=Path)
    assert model.asked == []


def test_a_failed_request_is_an_error_with_what_came_of_it(tmp_path: Path) -> None:
    with pytest.raises(pi.RunError, match="out of order") as caught:
        ask(ScriptedModel(Reply("So far", error="out of order")), tmp_path)
    assert caught.value.message is not None
    assert caught.value.message.stop_reason == "error"


def test_a_prompt_that_an_extension_deals_with_is_an_error_that_says_so(tmp_path: Path) -> None:
    from pi.ext import Handled

    def extension(api: Any) -> None:
        api.on("input")(lambda event: Handled())

    with pytest.raises(pi.RunError, match="an extension has dealt with the prompt") as caught:
        ask(ScriptedModel(), tmp_path, extensions=pi.ExtensionChoice(inline=(extension,)))
    assert caught.value.message is None


# What goes in


def test_functions_and_names_are_the_tools_and_no_others(tmp_path: Path) -> None:
    def double(number: int) -> int:
        """Twice the number."""
        return 2 * number

    model = ScriptedModel(call("double", number=21), "42")
    assert ask(model, tmp_path, tools=["read", double]) == "42"
    context = model.asked[1].context
    assert [tool.name for tool in context.tools] == ["read", "double"]
    assert content_text(context.messages[-1].content) == "42"


def test_no_tools_means_none(tmp_path: Path) -> None:
    model = ScriptedModel("Hello")
    ask(model, tmp_path, tools=[])
    assert model.asked[0].context.tools == ()


def test_a_function_that_cant_be_a_tool_is_refused_with_its_place(tmp_path: Path) -> None:
    def silent(number: int) -> int:
        return number

    with pytest.raises(pi.PiError, match=r"test_once\.py:\d+: tool `silent`: write a docstring"):
        ask(ScriptedModel(), tmp_path, tools=[silent])


def test_an_image_is_sent_from_memory_and_from_a_file(tmp_path: Path) -> None:
    from PIL import Image as Pictures

    Pictures.new("RGB", (2, 2)).save(tmp_path / "a.png")
    model = ScriptedModel("Black.", input=("text", "image"))
    given = Image("AAAA", "image/png")
    ask(model, tmp_path, images=[given, tmp_path / "a.png"])
    first, second = [b for b in model.asked[0].context.messages[-1].content if isinstance(b, Image)]
    assert first == given
    assert second.mime_type == "image/png"


def test_a_file_that_is_no_image_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text")
    model = ScriptedModel()
    with pytest.raises(pi.PiError, match=r"a\.txt is no image that models take"):
        ask(model, tmp_path, images=[tmp_path / "a.txt"])
    with pytest.raises(pi.PiError, match=r"Can't read the image .*b\.png: No such file"):
        ask(model, tmp_path, images=[tmp_path / "b.png"])
    assert model.asked == []


def test_a_listener_hears_it_all_and_an_async_one_is_waited_for(tmp_path: Path) -> None:
    begun, done = [], []

    async def listen(event: Any) -> None:
        begun.append(event)
        await asyncio.sleep(0)
        done.append(event)

    ask(ScriptedModel("Hello"), tmp_path, on_event=listen)
    assert begun == done
    assert isinstance(done[-1], pi.AgentSettled)


def test_without_a_model_and_a_key_there_is_an_error_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in os.environ:
        if name.endswith(("_KEY", "_TOKEN")):
            monkeypatch.delenv(name)
    with pytest.raises(pi.NoModelError):
        pi.run_sync("Go", cwd=tmp_path, agent_dir=tmp_path)


# Without a loop, and inside of one


def test_the_twin_works_where_a_loop_runs_already(tmp_path: Path) -> None:
    async def go() -> str:
        return ask(ScriptedModel("Hello"), tmp_path)

    assert asyncio.run(go()) == "Hello"


def test_errors_come_out_of_the_twin_where_a_loop_runs_already(tmp_path: Path) -> None:
    async def go() -> None:
        with pytest.raises(pi.RunError, match="out of order"):
            ask(ScriptedModel(Reply(error="out of order")), tmp_path)

    asyncio.run(go())
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


INTERRUPTED = """
import asyncio, pi, signal, sys
from pathlib import Path
from pi.testing import ScriptedModel, call

def ask():
    command = "echo $$; exec sleep 1000"
    model = ScriptedModel(call("bash", command=command), after="never said").model
    def tell(event):
        if type(event).__name__ == "ToolExecutionUpdate" and event.partial_result.content:
            print(event.partial_result.content[0].text.strip(), flush=True)
    return pi.run_sync("Go", model=model, agent_dir=Path("agent"), on_event=tell)

async def inside():
    return ask()

signal.signal(signal.SIGINT, signal.default_int_handler)  # it may have been inherited as ignored
try:
    ask() if sys.argv[1] == "plain" else asyncio.run(inside())
except KeyboardInterrupt:
    print("interrupted")
"""


@posix
@pytest.mark.parametrize("where", ["plain", "inside a loop"])
def test_ctrl_c_ends_the_run_and_its_tools(tmp_path: Path, where: str) -> None:
    program = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", INTERRUPTED, where],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert program.stdout is not None
    tool = 0
    while not tool:
        line = program.stdout.readline()
        assert line, program.stderr.read() if program.stderr else ""
        tool = int(line) if line.strip() else 0
    program.send_signal(signal.SIGINT)
    out, err = program.communicate(timeout=30)
    assert (out.splitlines()[-1:], err, program.returncode) == (["interrupted"], "", 0)
    with pytest.raises(ProcessLookupError):
        os.kill(tool, 0)


# Names and types


def test_importing_pi_imports_nothing_else(tmp_path: Path) -> None:
    script = (
        "import sys; before = set(sys.modules); import pi;"
        "foreign = {name.partition('.')[0] for name in set(sys.modules) - before} - sys.stdlib_module_names;"
        "print(sorted(foreign), [name for name in sys.modules if name.startswith('pi.')],"
        "'asyncio' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", script], capture_output=True, text=True, env=_bare_env()
    )
    assert (done.stdout, done.stderr) == ("['pi'] [] False\n", "")


def _bare_env() -> dict[str, str]:
    return {"PYTHONPATH": str(Path(pi.__file__).parents[1])}


def test_every_name_is_there_and_listed_and_a_wrong_one_is_an_error() -> None:
    assert [name for name in pi.__all__ if not hasattr(pi, name)] == []
    assert set(pi.__all__) <= set(dir(pi))
    with pytest.raises(AttributeError, match="module 'pi' has no attribute 'nothing'"):
        _ = pi.nothing  # type: ignore[attr-defined]


TYPED = """
from dataclasses import dataclass
from typing import TypedDict, assert_type

import msgspec

import pi
from pi.harness.events import SessionEvent


class A(msgspec.Struct):
    x: int


@dataclass
class B:
    x: int


class C(TypedDict):
    x: int


def double(number: int) -> int:
    return 2 * number


async def main() -> None:
    assert_type(await pi.run("…"), str)
    assert_type(await pi.run("…", output_type=A), A)
    assert_type(await pi.run("…", output_type=list[B], tools=["read", double]), list[B])
    assert_type(pi.run_sync("…"), str)
    assert_type(pi.run_sync("…", output_type=B, thinking="high"), B)
    assert_type(pi.run_sync("…", output_type=C), C)
    session = await pi.create_agent_session(model="sonnet", tools=pi.ToolChoice(only=("read",)))
    assert_type(session, pi.Session)
    async with session.events() as events:
        async for event in events:
            assert_type(event, SessionEvent)
    await pi.run("…", temperature=1)  # pyright: ignore[reportCallIssue]
"""


def test_a_type_checker_knows_what_comes_back(tmp_path: Path) -> None:
    pytest.importorskip("pyright")
    (tmp_path / "typed.py").write_text(TYPED)
    config = {
        "strict": ["."],
        "extraPaths": [str(Path(pi.__file__).parents[1])],
        "reportUnnecessaryTypeIgnoreComment": True,
    }
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(config))
    done = subprocess.run(
        [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "-p", str(tmp_path)],
        capture_output=True,
        text=True,
    )
    if not re.search(r"^\d+ errors?, ", done.stdout, re.MULTILINE):
        pytest.skip(f"pyright doesn't run here: {done.stdout}{done.stderr}")
    assert done.stdout.startswith("0 errors, 0 warnings"), done.stdout
