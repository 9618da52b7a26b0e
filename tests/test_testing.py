"""`pi.testing`, as people who test their agents and extensions use it."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pi.agent.events import TurnEnd
from pi.ext import Ctx, ExtensionAPI, Field
from pi.platform.errors import PiError
from pi.testing import (
    LoopedSession,
    Question,
    Recorder,
    Reply,
    ScriptedModel,
    ScriptedUI,
    call,
    session_with,
)

ROOT = Path(__file__).parents[1]


def asking(pi: ExtensionAPI) -> None:
    @pi.command("ask")
    async def ask(args: str, ctx: Ctx) -> None:
        """Ask everything."""
        answers = [
            await ctx.ui.select("Which?", ["a", "b"]),
            await ctx.ui.confirm("Sure?", "Really"),
            await ctx.ui.input("Name?", "Ada"),
            await ctx.ui.editor("Text?", "draft"),
            await ctx.ui.form("All?", [Field("n", "N")]),
        ]
        ctx.ui.notify(repr(answers))
        ctx.ui.status("busy")
        ctx.ui.widget(["one", "two"])


def test_a_scripted_person_answers_in_order_and_knows_what_was_asked(tmp_path: Path) -> None:
    ui = ScriptedUI("b", True, lambda question: question.text.upper(), None, {"n": 1})
    with LoopedSession(asking, ui=ui, cwd=tmp_path) as session:
        session.prompt("/ask")
        assert session.failures == []
    assert ui.asked == [
        Question("select", "Which?", options=("a", "b")),
        Question("confirm", "Sure?", "Really"),
        Question("input", "Name?", "Ada"),
        Question("editor", "Text?", "draft"),
        Question("form", "All?", fields=(Field("n", "N"),)),
    ]
    assert ui.notices == [("info", repr(["b", True, "ADA", None, {"n": 1}]))]
    assert ui.statuses == {"asking": "busy"}
    assert ui.widgets == {"asking": ("one", "two")}


def test_a_question_without_an_answer_in_the_script_is_a_failure_that_names_it(tmp_path: Path) -> None:
    with LoopedSession(asking, ui=ScriptedUI(), cwd=tmp_path) as session:
        session.prompt("/ask")
        assert session.failures == [
            '/ask: AssertionError: The script has no answer to "Which?": add it to ScriptedUI(...)'
        ]


def test_a_recorder_tells_events_texts_results_and_failures_apart(tmp_path: Path) -> None:
    def failing(pi: ExtensionAPI) -> None:
        @pi.on("turn_end")
        def fail(event: Any) -> None:
            raise ValueError("no")

    async def scenario() -> None:
        replies = Reply("Let me look.", calls=call("read", path="a.txt").calls), "It is empty."
        (tmp_path / "a.txt").write_text("heron\n")
        async with session_with(failing, *replies, cwd=tmp_path) as session:
            heard = Recorder(session)
            await session.prompt("Look.")
        assert heard.texts == ["Let me look.", "It is empty."]
        assert heard.tool_results == ["heron\n"]
        assert heard.failures == ["turn_end: ValueError: no"] * 2
        assert heard.of(TurnEnd) == heard.of("turn_end")
        assert len(heard.of(TurnEnd)) == 2

    asyncio.run(scenario())


def test_settings_count_and_the_extension_is_told_of_start_and_end(tmp_path: Path) -> None:
    told: list[str] = []

    def extension(pi: ExtensionAPI) -> None:
        name = pi.setting("name", "nobody", "Whom to greet")
        pi.on("session_start")(lambda event: told.append(f"hello {name.get()}"))
        pi.on("session_shutdown")(lambda event: told.append("bye"))

    settings = {"extensionSettings": {"inline-1": {"name": "Ada"}}}
    with LoopedSession(extension, settings=settings, cwd=tmp_path) as session:
        assert told == ["hello Ada"]
        session.close()
    assert told == ["hello Ada", "bye"]


def test_an_extension_that_cant_be_loaded_fails_the_test(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def extension(pi):\n    1 / 0\n")
    with pytest.raises(PiError, match=r"broken\.py:2: ZeroDivisionError"):
        LoopedSession(tmp_path / "broken.py", cwd=tmp_path)


def test_no_file_of_the_user_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PI_CODING_AGENT_DIR", str(tmp_path / "mine"))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "AGENTS.md").write_text("A secret of the user's.")
    (tmp_path / "project").mkdir()
    model = ScriptedModel("Fine.")
    with LoopedSession(None, model=model, cwd=tmp_path / "project") as session:
        session.prompt("Hello")
    assert "secret" not in str(model.asked[0].context)


def test_the_examples_of_the_documentation_are_tests_that_pass(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
    examples = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    for number, example in enumerate(examples):
        (tmp_path / f"test_example_{number}.py").write_text(example)
    assert run_pytest(tmp_path) == f"{len(examples)} passed"


def test_the_plugin_costs_those_who_dont_use_it_no_import(tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text(
        "import sys\n"
        "def test_other():\n"
        "    ours = {name for name in sys.modules if name.split('.')[0] in ('pi', 'msgspec')}\n"
        "    assert ours == {'pi', 'pi.pytest_plugin'}\n"
    )
    assert run_pytest(tmp_path) == "1 passed"


def run_pytest(folder: Path) -> str:
    """The summary of a run of its own, with the plugin as an installed Pi has it."""
    plugins = ("-p", "pi.pytest_plugin", "-p", "no:cacheprovider")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-W",
            "error",
            *plugins,
            "--rootdir",
            str(folder),
            str(folder),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()[-1].partition(" in ")[0]
