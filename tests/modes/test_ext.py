"""`pi ext`: what it writes works, what it finds is told with file and line, what it loads is there."""

import asyncio
import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pi.cli.ext import main
from pi.harness.extensions.load_requests import UNTRUSTED, VARIABLE
from pi.modes.ext.examine import check, find_one
from pi.modes.ext.report import Finding, Report
from pi.testing import LoopedSession, ScriptedModel, call

LOAD = shlex.join([sys.executable, "-m", "pi", "ext", "load"])
TOOL = '''def extension(pi):
    @pi.tool
    def {name}(text: str) -> str:
        """Say it."""
        return "{said}: " + text
'''

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def pi_ext(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """`pi ext …` in the folder `project`, by a user whose agent directory is `agent`."""
    for name in ("agent", "project"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setenv("PI_CODING_AGENT_DIR", str(tmp_path / "agent"))
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.delenv(UNTRUSTED, raising=False)

    def run(*words: str) -> tuple[int, str, str]:
        code = main(words)
        told = capfd.readouterr()
        return code, told.out, told.err

    return run


def checked(file: Path, **options: Any) -> Report:
    (report,) = asyncio.run(check(*find_one(str(file), file.parent, file.parent), **options)).extensions
    return report


# new


@pytest.mark.parametrize(
    "flags", [[], ["--tool"], ["--command"], ["--gate"], ["--gate", "--tool", "--command"]]
)
@pytest.mark.parametrize("name", ["words", "all", "my-2nd_idea"])
def test_what_new_writes_has_nothing_wrong_with_it(pi_ext: Run, name: str, flags: list[str]) -> None:
    assert pi_ext("new", name, *flags)[0] == 0
    code, told, _ = pi_ext("check", name)
    assert (code, told.splitlines()[-1]) == (0, "All is well.")


def test_new_says_where_the_file_is_and_what_to_do_next(pi_ext: Run, tmp_path: Path) -> None:
    _, told, _ = pi_ext("new", "words")
    path = tmp_path / "agent" / "extensions" / "words.py"
    assert told.splitlines() == [
        f"Wrote {path}",
        "",
        "Edit it, then:",
        f"  check it:  pi ext check {path}",
        "  use it:    pi, which finds it there",
        f"  in a running session, have the model run: pi ext load {path}",
    ]


def test_new_writes_into_the_project_or_to_a_path(pi_ext: Run, tmp_path: Path) -> None:
    assert pi_ext("new", "words", "--project")[0] == 0
    assert pi_ext("new", "./here/words")[0] == 0
    assert (tmp_path / "project" / ".pi" / "extensions" / "words.py").is_file()
    assert (tmp_path / "project" / "here" / "words.py").is_file()


def test_new_never_overwrites(pi_ext: Run, tmp_path: Path) -> None:
    path = tmp_path / "project" / "words.py"
    path.write_text("mine")
    code, _, error = pi_ext("new", "words.py")
    assert (code, path.read_text()) == (1, "mine")
    assert error == f"Error: {path} is there already and stays as it is. Choose another name.\n"


@pytest.mark.parametrize("name", ["", "2fast", "a b", "ü", "../", "a.b"])
def test_new_refuses_what_is_no_name(pi_ext: Run, name: str) -> None:
    code, _, error = pi_ext("new", name)
    assert code == 1
    assert "is no name for an extension" in error


# check


def test_check_tells_all_that_an_extension_declares(pi_ext: Run, tmp_path: Path) -> None:
    (tmp_path / "project" / "full.py").write_text(
        '''"""Everything."""
from typing import Annotated, Literal


def extension(pi):
    pi.flag("loud", False, "Shout")
    pi.setting("size", 3, "How large")
    pi.state("count", 0)
    pi.shortcut("ctrl+y", "Redo")(lambda ctx: None)
    pi.cli("redo", "Redo it all")(lambda words: 0)
    pi.footer("clock")(lambda ctx: "12:00")
    pi.listen("news")(lambda data, ctx: None)
    pi.stream_guard(lambda event, stream: None)
    pi.gate(lambda event, ctx: None)
    pi.on("turn_end")(lambda event: None)
    pi.on("turn_end")(lambda event: None)

    @pi.tool
    def draw(
        kind: Annotated[Literal["bird", "tree"], "What"],
        sizes: Annotated[list[int] | None, "How large"] = None,
    ) -> str:
        """Draw something.

        More about it.
        """

    @pi.command("again")
    def again(args, ctx):
        """Once more."""
'''
    )
    code, told, _ = pi_ext("check", "full.py")
    assert told.splitlines() == [
        f"full: {tmp_path / 'project' / 'full.py'}",
        "  tool draw(kind: bird | tree, sizes?: array of integer | null): Draw something.",
        "    kind: What",
        "    sizes: How large",
        "  command /again: Once more.",
        "  shortcut ctrl+y: Redo",
        "  flag --loud: Shout",
        "  setting size: How large",
        "  command line pi redo: Redo it all",
        "  handlers: turn_end (2)",
        "  gates: 1",
        "  stream guards: 1",
        "  listens: news",
        "  footers: clock",
        "  states: count",
        "",
        "All is well.",
    ]
    assert code == 0


def test_check_as_json_is_one_object_for_programs(pi_ext: Run, tmp_path: Path) -> None:
    path = tmp_path / "project" / "typo.py"
    path.write_text('def extension(pi):\n    @pi.on("tool_cal")\n    def handle(event):\n        pass\n')
    code, told, _ = pi_ext("check", "typo.py", "--json")
    text = 'DeclarationError: There is no event "tool_cal". Did you mean "tool_call"?'
    finding = {"level": "error", "text": text, "file": str(path), "line": 2}
    assert json.loads(told) == {
        "ok": False,
        "extensions": [{"ok": False, "name": "typo", "path": str(path), "findings": [finding]}],
        "problems": [],
        "notes": [],
    }
    assert code == 1


WRONG = {
    "a syntax error": (
        "def extension(pi:\n    pass\n",
        [("error", 1, "'(' was never closed")],
    ),
    "a missing module": (
        "import surely_not_there\ndef extension(pi): ...\n",
        [("error", 1, "it needs the module 'surely_not_there', which isn't installed.")],
    ),
    "no beginning": ("x = 1\n", [("error", 0, "it has no function to begin with")]),
    "an exit": ("import sys\nsys.exit(2)\n", [("error", 2, "it ended the program (SystemExit: 2).")]),
    "a failing declaration": (
        "def extension(pi):\n    1 / 0\n",
        [("error", 2, "ZeroDivisionError: division by zero")],
    ),
    "a failing start": (
        'def extension(pi):\n    @pi.on("session_start")\n    async def start(event):\n        1 / 0\n',
        [("error", 4, "session_start: ZeroDivisionError: division by zero")],
    ),
    "a failing handler": (
        'def extension(pi):\n    @pi.on("context")\n    def look(event, ctx):\n        1 / 0\n',
        [("warning", 4, "context: ZeroDivisionError: division by zero")],
    ),
    "schemas that providers refuse": (
        "def extension(pi):\n"
        '    schema = {"type": "object", "oneOf": [{}], "properties": {"a b": {"type": "array"}}}\n'
        "    @pi.tool(parameters=schema)\n"
        "    def odd(arguments: dict) -> str:\n"
        '        "Odd."\n',
        [
            ("error", 0, 'tool odd: its schema has "oneOf" at the top: OpenAI and Anthropic refuse that'),
            ("error", 0, 'tool odd: $: Anthropic refuses the property name "a b"'),
            ("error", 0, 'tool odd: $.a b is an array without "items"'),
            ("warning", 0, "tool odd: nothing tells the model what a b means"),
        ],
    ),
    "an invalid schema": (
        "def extension(pi):\n"
        '    schema = {"type": "object", "properties": {"a": {"type": "text", "description": "A"}}}\n'
        "    @pi.tool(parameters=schema)\n"
        "    def odd(arguments: dict) -> str:\n"
        '        "Odd."\n',
        [("error", 0, "tool odd: its schema is no valid JSON Schema: ")],
    ),
    "a reference that leads nowhere": (
        "def extension(pi):\n"
        '    schema = {"type": "object", "properties": {"a": {"$ref": "#/$defs/b", "description": "A"}}}\n'
        "    @pi.tool(parameters=schema)\n"
        "    def odd(arguments: dict) -> str:\n"
        '        "Odd."\n',
        [("error", 0, 'tool odd: $.a refers to "#/$defs/b", which is not in the schema')],
    ),
    "missing descriptions": (
        "def extension(pi):\n"
        '    pi.flag("x")\n'
        '    pi.setting("y", 1)\n'
        '    pi.command("z")(lambda args, ctx: 0)\n',
        [
            ("warning", 0, "command /z has no description"),
            ("warning", 0, "flag --x has no description"),
            ("warning", 0, "setting y has no description"),
        ],
    ),
    "calls that block": (
        "import subprocess as sp\n"
        "from time import sleep\n"
        "def extension(pi):\n"
        '    @pi.on("tool_call")\n'
        "    async def wait(event):\n"
        "        sleep(1)\n"
        "        sp.run(['ls'])\n"
        "        def later():\n"
        "            sleep(1)\n",
        [
            ("warning", 6, "time.sleep() in the async function wait holds up everything while it waits"),
            ("warning", 7, "subprocess.run() in the async function wait holds up everything"),
        ],
    ),
    "a task that stays": (
        "import asyncio\n"
        "async def forever():\n"
        "    await asyncio.Event().wait()\n"
        "def extension(pi):\n"
        '    @pi.on("session_start")\n'
        "    async def start(event):\n"
        "        pi.task = asyncio.create_task(forever())\n",
        [
            (
                "warning",
                2,
                "the task forever still runs after session_shutdown: start it with ctx.task(forever())",
            )
        ],
    ),
    "a thread that stays": (
        "import threading\n"
        "def extension(pi):\n"
        '    @pi.on("session_start")\n'
        "    def start(event):\n"
        "        threading.Thread(target=threading.Event().wait, name='waiter').start()\n",
        [("warning", 0, "the thread waiter still runs after session_shutdown")],
    ),
    "something printed": (
        "print('Hello there')\ndef extension(pi): ...\n",
        [("warning", 0, "it prints, which breaks screens and JSON output; use ctx.ui.notify: Hello there")],
    ),
    "much printed": (
        "print('a' * 10_000_000)\ndef extension(pi): ...\n",
        [("warning", 0, f"it prints, which breaks screens and JSON output; use ctx.ui.notify: {'a' * 300}…")],
    ),
    "streams that are closed": (
        "import os, sys\nos.close(1)\nos.close(2)\nsys.stdout = None\ndef extension(pi):\n    1 / 0\n",
        [("error", 6, "ZeroDivisionError: division by zero")],
    ),
    "the end of the process": (
        "import os\nprint('Bye', flush=True)\nos._exit(3)\n",
        [
            (
                "error",
                0,
                "it ended the process (exit code 3) while it was loaded and tried. Its last words: Bye",
            )
        ],
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_check_says_what_is_wrong_and_where(tmp_path: Path, what: str) -> None:
    source, expected = WRONG[what]
    file = tmp_path / "odd.py"
    file.write_text(source)
    report = checked(file)
    found = [(each.level, each.line, each.text) for each in report.findings]
    assert [(level, line) for level, line, _ in found] == [(level, line) for level, line, _ in expected]
    for (_, _, text), (_, _, beginning) in zip(found, expected, strict=True):
        assert text.startswith(beginning)
    assert report.ok == all(level == "warning" for level, _, _ in expected)


def test_an_extension_that_never_comes_back_is_stopped(tmp_path: Path) -> None:
    file = tmp_path / "slow.py"
    file.write_text("while True: pass\n")
    assert checked(file, limit_s=1.5).findings == (
        Finding("error", "it took longer than 2 s while it was loaded and tried.", str(file)),
    )


def test_a_heavy_import_is_named_and_a_light_one_is_not(tmp_path: Path) -> None:
    (tmp_path / "both").mkdir()
    (tmp_path / "libs").mkdir()
    (tmp_path / "libs" / "heavy_thing.py").write_text(
        "import time\nbegan = time.process_time()\nwhile time.process_time() - began < 0.1: pass\n"
    )
    file = tmp_path / "both" / "extension.py"
    file.write_text(
        f"import sys\nsys.path.insert(0, {str(tmp_path / 'libs')!r})\n"
        "from . import part\ndef extension(pi): ...\n"
    )
    (tmp_path / "both" / "part.py").write_text("import json\nimport heavy_thing\n")
    (finding,) = checked(tmp_path / "both").findings
    assert (finding.level, finding.file, finding.line) == (
        "warning",
        str(tmp_path / "both" / "part.py"),
        2,
    )
    assert finding.text.startswith("importing heavy_thing takes ")


def test_a_check_has_no_network_and_a_failure_for_lack_of_it_is_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "online.py"
    file.write_text(
        "import socket\n"
        "def extension(pi):\n"
        '    @pi.on("session_start")\n'
        "    def start(event):\n"
        '        socket.create_connection(("example.com", 80))\n'
    )
    report = checked(file)
    why = "ConnectionRefusedError: there is no network while an extension is checked (example.com)"
    assert report.findings == (
        Finding("warning", "it wanted to reach example.com; there is no network while it is checked"),
        Finding("warning", f"session_start: {why}", str(file), 5),
    )


def test_a_check_finds_none_of_the_users_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "secret").touch()
    monkeypatch.setenv("HOME", str(tmp_path / "mine"))
    file = tmp_path / "curious.py"
    file.write_text(
        "from pathlib import Path\n"
        "def extension(pi):\n"
        '    @pi.on("session_start")\n'
        "    def start(event, ctx):\n"
        "        raise ValueError([len(list(f.iterdir())) for f in (Path.home(), ctx.cwd)])\n"
    )
    assert [each.text for each in checked(file).findings] == ["session_start: ValueError: [0, 0]"]


def test_a_folder_of_extensions_is_checked_one_by_one(pi_ext: Run, tmp_path: Path) -> None:
    (tmp_path / "project" / "both").mkdir()
    (tmp_path / "project" / "both" / "good.py").write_text("def extension(pi): ...\n")
    (tmp_path / "project" / "both" / "wrong.py").write_text("1 / 0\n")
    code, told, _ = pi_ext("check", "both", "--json")
    assert [(each["name"], each["ok"]) for each in json.loads(told)["extensions"]] == [
        ("good", True),
        ("wrong", False),
    ]
    assert code == 1


def test_what_isnt_there_is_answered_with_what_is(pi_ext: Run) -> None:
    pi_ext("new", "words")
    code, _, error = pi_ext("check", "wrods")
    assert code == 1
    assert error == (
        "Error: There is no file, folder or extension wrods. Extensions here: words. "
        "To begin a new one: pi ext new wrods\n"
    )


# list


def test_list_tells_what_a_session_here_would_load(pi_ext: Run, tmp_path: Path) -> None:
    for folder, name in ((tmp_path / "agent", "one"), (tmp_path / "project" / ".pi", "two")):
        (folder / "extensions").mkdir(parents=True)
        (folder / "extensions" / f"{name}.py").write_text(TOOL.format(name="same", said=name))
    (tmp_path / "agent" / "extensions" / "wrong.py").write_text("1 / 0\n")
    untrusted = f"{tmp_path / 'project' / '.pi' / 'extensions'} is left out: this project isn't trusted."
    code, told, _ = pi_ext("list", "--json")
    listed = json.loads(told)
    assert [(each["name"], each["ok"]) for each in listed["extensions"]] == [("one", True), ("wrong", False)]
    assert listed["notes"][0].startswith(untrusted)
    assert code == 1

    (tmp_path / "agent" / "settings.json").write_text('{"defaultProjectTrust": "always"}')
    _, told, _ = pi_ext("list")
    lines = told.splitlines()
    assert lines[:3] == [
        f"two (project): {tmp_path / 'project' / '.pi' / 'extensions' / 'two.py'}",
        "  tool same(text: string): Say it.",
        "",
    ]
    assert lines[5].startswith('  error: the tool "same" is left out: extension "two" has one of that name.')


def test_list_says_how_to_begin_where_there_is_nothing(pi_ext: Run) -> None:
    assert pi_ext("list") == (0, "No extensions here. To begin one: pi ext new NAME\n", "")


# load


def test_load_outside_of_a_session_says_what_to_do(pi_ext: Run, tmp_path: Path) -> None:
    path = tmp_path / "project" / "say.py"
    path.write_text(TOOL.format(name="say", said="I"))
    code, _, error = pi_ext("load", "say.py")
    assert code == 1
    assert f"`pi ext check {path}` and start a session that has it with `pi -e {path}`" in error


def test_a_session_without_extensions_loads_what_the_model_writes_and_each_new_version(
    tmp_path: Path,
) -> None:
    model = ScriptedModel(
        call("write", path="say.py", content=TOOL.format(name="say", said="one")),
        call("bash", command=f"{LOAD} say.py"),
        call("say", text="heron"),
        call("write", path="say.py", content=TOOL.format(name="say", said="two")),
        call("bash", command=f"{LOAD} say.py"),
        call("say", text="heron"),
        "Done.",
    )
    with LoopedSession(None, model=model, cwd=tmp_path) as session:
        assert session.prompt("Write a tool.") == "Done."
        assert session.tool_results[1].splitlines()[-1] == "It is loaded before your next turn."
        assert [session.tool_results[at] for at in (2, 5)] == ["one: heron", "two: heron"]
        assert session.failures == []
        assert [each.name for each in session.session.extensions.roster.extensions] == ["say"]
    assert "say" not in [tool.name for tool in model.asked[1].context.tools]
    assert "say" in [tool.name for tool in model.asked[2].context.tools]
    assert 'Extension "say" is loaded: tool say.' in str(model.asked[2].context.messages)


def test_what_fails_at_loading_reaches_the_model_with_its_place(tmp_path: Path) -> None:
    broken = (
        "import os\ndef extension(pi):\n    if 'pi-ext-' not in os.environ['PI_CODING_AGENT_DIR']: 1 / 0\n"
    )
    (tmp_path / "sly.py").write_text(broken)
    model = ScriptedModel(call("bash", command=f"PI_CODING_AGENT_DIR=x {LOAD} sly.py"), "Oh.")
    with LoopedSession(None, model=model, cwd=tmp_path) as session:
        session.prompt("Load it.")
        assert session.tool_results[0].splitlines()[-1] == "It is loaded before your next turn."
    told = str(model.asked[1].context.messages)
    assert 'Extension "sly" could not be loaded: ' in told
    assert f"Mend {tmp_path / 'sly.py'}, then run: pi ext load {tmp_path / 'sly.py'}" in told


def test_what_is_wrong_is_told_by_the_command_and_not_loaded(tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text("1 / 0\n")
    model = ScriptedModel(call("bash", command=f"{LOAD} wrong.py"), "Oh.")
    with LoopedSession(None, model=model, cwd=tmp_path) as session:
        session.prompt("Load it.")
        assert f"error: {tmp_path / 'wrong.py'}:1: ZeroDivisionError" in session.tool_results[0]
        assert session.session.extensions is None


def test_nothing_is_loaded_from_a_project_that_isnt_trusted(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    for folder in (tmp_path, tmp_path / "project"):
        (folder / "say.py").write_text(TOOL.format(name="say", said="I"))
    forced = f"{UNTRUSTED}= {LOAD} say.py"
    model = ScriptedModel(
        call("bash", command=f"{LOAD} say.py"),
        call("bash", command=forced),
        call("bash", command=f"{LOAD} ../say.py"),
        call("say", text="heron"),
        "Done.",
    )
    with LoopedSession(None, model=model, cwd=tmp_path / "project", trust=False) as session:
        session.prompt("Load it.")
        project = tmp_path / "project"
        refusal = f"{project / 'say.py'} is inside {project}, a project that isn't trusted."
        assert refusal in session.tool_results[0]
        assert "It is loaded before your next turn." in session.tool_results[1]
        assert session.tool_results[3] == "I: heron"
    assert refusal in str(model.asked[2].context.messages)
    assert "say" not in [tool.name for tool in model.asked[2].context.tools]


def test_a_session_without_extensions_imports_no_host() -> None:
    script = """
import asyncio, sys, tempfile
from pathlib import Path
from pi.sdk import create_agent_session
from pi.testing.scripted import ScriptedModel, call

async def main():
    folder = Path(tempfile.mkdtemp())
    model = ScriptedModel(call("bash", command="true"), "Done.").model
    session = await create_agent_session(cwd=folder, agent_dir=folder / "agent", model=model)
    await session.prompt("Hello")
    await session.close()

asyncio.run(main())
print("pi.harness.extensions.host" in sys.modules, "pi.harness.extensions.late" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False True\n"
