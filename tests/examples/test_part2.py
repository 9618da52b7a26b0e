import asyncio
import json
import os
import stat
import subprocess
import sys
import threading
from contextlib import asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pi.ext import BashDone, Block, MessageUpdate, RunAs, ToolCall, UserBash
from pi.harness.storage.entries import CustomMessage
from pi.harness.ui import NobodyThere
from pi.llm.messages import Thinking, Usage, content_text
from pi.llm.models import ModelCost
from pi.sdk import ExtensionChoice, create_agent_session, load_extensions
from pi.testing import Recorder, Reply, ScriptedModel, ScriptedUI, call

EXAMPLES = Path(__file__).parents[2] / "examples" / "extensions"
posix = pytest.mark.skipif(sys.platform == "win32", reason="runs shell scripts")


@asynccontextmanager
async def session_with(folder, *names, model, ui=None, settings=None, flags=None, inline=(), trouble=()):
    """A started session with these examples in `folder`; at its end, nothing but `trouble` has gone wrong."""
    agent, project = folder / "agent", folder / "project"
    agent.mkdir(exist_ok=True)
    project.mkdir(exist_ok=True)
    own = {"extensionSettings": {names[0]: settings or {}}, "defaultProjectTrust": "never"}
    (agent / "settings.json").write_text(json.dumps(own))
    chosen = ExtensionChoice(tuple(str(EXAMPLES / f"{name}.py") for name in names), tuple(inline), find=False)
    host = await load_extensions(project, agent, chosen, ui=ui)
    host.set_flags(flags or {})
    model = model.model if isinstance(model, ScriptedModel) else model
    session = await create_agent_session(cwd=project, agent_dir=agent, model=model, extensions=host)
    heard = session.heard = Recorder(session)
    try:
        await session.start()
        yield session
    finally:
        await session.close()
    assert heard.failures == list(trouble)
    assert [str(problem) for problem in host.problems] == []


def user_texts(model: ScriptedModel, request: int = -1) -> list[str]:
    """What the user said, as the model was told in a request."""
    messages = model.asked[request].context.messages
    return [content_text(m.content) for m in messages if type(m).__name__ == "UserMessage"]


def ask_user_bash(session, command: str):
    event = UserBash(command, False, session.store.cwd)
    return session.hooks.guarded("user_bash", event, (Block, RunAs, BashDone))


def lab(answers):
    """An extension with two models, `lab/strong` and `lab/cheap`; `answers` gives what each of them says."""

    def extension(pi):
        async def stream(model, context, options):
            for piece in answers(model.id, context):
                yield piece

        pi.provider("lab", stream=stream, models=[{"id": "strong"}, {"id": "cheap"}])

    return extension


# input_transform


def test_a_question_mark_asks_for_a_brief_answer(tmp_path):
    async def main():
        model = ScriptedModel("Short.")
        settings = {"brief": "Be terse:"}
        async with session_with(tmp_path, "input_transform", model=model, settings=settings) as session:
            await session.prompt("? what is a monad")
        assert user_texts(model) == ["Be terse: what is a monad"]

    asyncio.run(main())


def test_the_time_is_told_to_people_and_asked_of_the_model_where_nobody_is(tmp_path):
    async def main():
        model, ui = ScriptedModel("I have no clock."), ScriptedUI()
        async with session_with(tmp_path, "input_transform", model=model, ui=ui) as session:
            await session.prompt("time")
            await session.prompt(" ? ")
        assert model.asked == []
        assert [kind for kind, _ in ui.notices] == ["info", "warning"]
        async with session_with(tmp_path, "input_transform", model=model) as session:
            await session.prompt("time")
        assert user_texts(model) == ["time"]

    asyncio.run(main())


def test_what_extensions_say_is_left_alone(tmp_path):
    async def main():
        for name, text in (("input_transform", "? literally"), ("inline_bash", "!{echo no}")):
            model = ScriptedModel("Yes.")
            async with session_with(tmp_path, name, model=model) as session:
                await session.prompt(text, source="extension")
            assert user_texts(model) == [text]

    asyncio.run(main())


# inline_bash


@posix
def test_commands_in_a_prompt_are_replaced_by_their_output(tmp_path):
    async def main():
        model, ui = ScriptedModel("I see."), ScriptedUI()
        async with session_with(tmp_path, "inline_bash", model=model, ui=ui) as session:
            (session.store.cwd / "a.txt").write_text("one\ntwo\n")
            await session.prompt("Compare !{cat a.txt} with !{ls} and !{echo bad >&2; exit 3}.")
        assert user_texts(model) == [
            "Compare one\ntwo with a.txt and [`echo bad >&2; exit 3` exited with code 3: bad]."
        ]
        assert ui.notices == [("warning", "!{echo bad >&2; exit 3} exited with code 3")]

    asyncio.run(main())


# status_line


def test_the_status_line_follows_the_turns(tmp_path):
    async def main():
        ui, seen = ScriptedUI(), []

        def note(reply):
            return lambda asked: seen.append(ui.statuses["status_line"]) or reply

        model = ScriptedModel(note(call("read", path="nothing")), note("Done."), note("Again."))
        async with session_with(tmp_path, "status_line", model=model, ui=ui) as session:
            seen.append(ui.statuses["status_line"])
            await session.prompt("Go")
            seen.append(ui.statuses["status_line"].split(",")[0])
            await session.prompt("Go")
            seen.append(ui.statuses["status_line"].split(",")[0])
        assert seen == ["ready", "● turn 1", "● turn 2", "✓ 2 turns", "● turn 1", "✓ 1 turn"]

    asyncio.run(main())


# footer


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)


@posix
def test_the_footer_shows_model_context_cost_and_branch(tmp_path):
    def shown(session):
        parts = session.extensions.joined.segments
        return {name: part.run(session.extensions.ctx_of(owner)) for name, (owner, part) in parts.items()}

    async def main():
        costly = {"cost": ModelCost(input=1000, output=5000), "context_window": 1000}
        model = ScriptedModel(call("bash", command="git checkout -q -b other"), "Done.", **costly)
        (tmp_path / "project").mkdir()
        git(tmp_path / "project", "init", "-q", "-b", "main")
        async with session_with(tmp_path, "footer", model=model) as session:
            ctx = session.extensions.ctx_of("footer")
            before = shown(session)
            assert (before["footer:model"], before["footer:cost"], before["footer:branch"]) == (
                "scripted (off)",
                None,
                "⎇ main",
            )
            await session.prompt("Branch off")
            assert shown(session) == {
                "footer:model": "scripted (off)",
                "footer:context": f"{ctx.stats.context.percent:.0f}%",
                "footer:cost": "$0.400",
                "footer:branch": "⎇ other",
            }
            assert ctx.stats.context.percent > 10

    asyncio.run(main())


@pytest.mark.parametrize("path", ["", os.environ["PATH"]])
def test_without_git_or_a_repository_the_footer_names_no_branch(tmp_path, monkeypatch, path):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    monkeypatch.setenv("PATH", path)

    async def main():
        async with session_with(tmp_path, "footer", model=ScriptedModel()) as session:
            _, part = session.extensions.joined.segments["footer:branch"]
            assert part.run(session.extensions.ctx_of("footer")) is None

    asyncio.run(main())


# message_renderer


def test_a_status_reaches_the_model_and_is_shown_in_its_own_way(tmp_path):
    async def main():
        model, ui = ScriptedModel("Noted."), ScriptedUI()
        async with session_with(tmp_path, "message_renderer", model=model, ui=ui) as session:
            await session.prompt("/status warn Disk nearly full\nFree some")
            await session.prompt("/status")
            await session.prompt("Go on")
            (told,) = (message for message in session.messages if isinstance(message, CustomMessage))
            owner, renderer = session.extensions.joined.renderers["message:status-update"]
            lines = renderer.run(told, session.extensions.ctx_of(owner))
        assert user_texts(model) == ["Disk nearly full\nFree some", "Go on"]
        assert told.details["level"] == "warn"
        assert lines == [f"▲ WARN  {told.details['at']}", "  Disk nearly full", "  Free some"]
        assert ui.notices == [("warning", "Usage: /status [warn|error] text")]

    asyncio.run(main())


# dynamic_tools


@posix
def test_a_tool_made_at_run_time_runs_its_command_and_can_be_taken_away(tmp_path):
    async def main():
        ui = ScriptedUI()
        model = ScriptedModel("Hello.", call("count"), "Two.", "Nothing there.")
        async with session_with(tmp_path, "dynamic_tools", model=model, ui=ui) as session:
            await session.prompt("Hello")
            before = session.store.leaf
            await session.prompt("/tool count seq 2")
            await session.prompt("Count")
            assert session.heard.tool_results == ["1\n2\n"]
            await session.reload()
            assert session.tools.get("count").effects_of({}, session.store.cwd).commands == ("seq 2",)
            after = session.store.leaf
            await session.tree.navigate(before)
            assert session.tools.get("count") is None
            await session.tree.navigate(after)
            assert session.tools.get("count") is not None
            await session.prompt("/tool count")
            assert session.tools.get("count") is None
            await session.prompt("Count")
        tools = [[tool.name for tool in asked.context.tools] for asked in model.asked]
        assert ["count" in names for names in tools] == [False, True, True, False]
        assert [text for _, text in ui.notices] == ["The tool count runs: seq 2", "The tool count is gone."]

    asyncio.run(main())


def test_a_tool_takes_no_name_that_is_in_use_or_unusable(tmp_path):
    async def main():
        ui = ScriptedUI()
        async with session_with(tmp_path, "dynamic_tools", model=ScriptedModel(), ui=ui) as session:
            before = session.tools.known
            for words in ("read echo", "a-b echo", "", "other"):
                await session.prompt(f"/tool {words}".strip())
            assert session.tools.known == before
        assert [kind for kind, _ in ui.notices] == ["warning"] * 4

    asyncio.run(main())


# custom_provider

PROGRAM = """
import json, sys
asked = json.load(sys.stdin)
last = asked["messages"][-1]
def say(**line): print(json.dumps(line), flush=True)
if last["from"] == "UserMessage":
    assert "bash" in [tool["name"] for tool in asked["tools"]] and asked["system"]
    say(thinking="I need a shell.")
    say(tool="bash", arguments={"command": "echo from the shell"})
else:
    say(text="It said: ")
    say(text=last["text"])
    say(usage={"input": 7, "output": 3})
"""


def use_program(folder: Path, monkeypatch, text: str) -> None:
    (folder / "model.py").write_text(text)
    monkeypatch.setenv("LOCAL_MODEL", f"'{sys.executable}' '{folder / 'model.py'}'")


@posix
def test_a_local_program_is_a_model_that_calls_tools(tmp_path, monkeypatch):
    use_program(tmp_path, monkeypatch, PROGRAM)

    async def main():
        async with session_with(tmp_path, "custom_provider", model="program/local") as session:
            await session.prompt("Use the shell")
            assert session.heard.texts == ["It said: from the shell\n"]
            assert session.last_message.usage == Usage(input=7, output=3, total_tokens=10)
            thought = session.messages[2].content[0]
            assert thought == Thinking("I need a shell.")

    asyncio.run(main())


@posix
@pytest.mark.parametrize(
    ("program", "error"),
    [
        ("raise SystemExit(4)", "exited with code 4."),
        ("raise SystemExit('no model')", "exited with code 1. no model"),
        ("print('[1]')", "The program printed what is no piece of an answer: [1]"),
    ],
)
def test_a_program_that_fails_is_a_failed_response(tmp_path, monkeypatch, program, error):
    use_program(tmp_path, monkeypatch, program)

    async def main():
        async with session_with(tmp_path, "custom_provider", model="program/local") as session:
            await session.prompt("Hello")
            assert session.last_message.stop_reason == "error"
            assert error in session.last_message.error_message

    asyncio.run(main())


@posix
def test_a_program_ends_when_its_response_is_stopped(tmp_path, monkeypatch):
    use_program(
        tmp_path,
        monkeypatch,
        'import os, time; print(\'{"text": "%d"}\' % os.getpid(), flush=1); time.sleep(99)',
    )

    async def main():
        async with session_with(tmp_path, "custom_provider", model="program/local") as session:
            heard = asyncio.Event()
            session.subscribe(lambda event: heard.set() if isinstance(event, MessageUpdate) else None)
            running = asyncio.create_task(session.prompt("Hello"))
            await heard.wait()
            await session.abort()
            await running
            with pytest.raises(ProcessLookupError):
                os.kill(int(session.last_message.text), 0)

    asyncio.run(main())


# openai_compatible_provider


@contextmanager
def gateway(monkeypatch):
    """A server on loopback that speaks chat completions; gives the requests that it got."""
    requests = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.reply("application/json", json.dumps({"data": [{"id": "big"}, {"id": "small"}]}))

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            requests.append((self.path, self.headers["authorization"], body["model"]))
            choice = {
                "index": 0,
                "delta": {"role": "assistant", "content": "Hello."},
                "finish_reason": "stop",
            }
            self.reply("text/event-stream", f"data: {json.dumps({'choices': [choice]})}\n\ndata: [DONE]\n\n")

        def reply(self, kind, text):
            self.send_response(200)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("GATEWAY_URL", f"http://127.0.0.1:{server.server_port}/v1/")
        monkeypatch.setenv("GATEWAY_KEY", "sesame")
        try:
            yield requests
        finally:
            server.shutdown()
            thread.join()


def test_a_gateway_answers_and_tells_its_models(tmp_path, monkeypatch):
    async def main(requests):
        async with session_with(tmp_path, "openai_compatible_provider", model="gateway/default") as session:
            ids = [model.id for model in session.setup.registry.models_of("gateway")]
            assert ids == ["default", "big", "small"]
            await session.prompt("Hello")
            await session.models.use(session.setup.registry.find("gateway", "small"))
            await session.prompt("Hello again")
            assert session.heard.texts == ["Hello.", "Hello."]
        path = "/v1/chat/completions"
        assert requests == [(path, "Bearer sesame", "default"), (path, "Bearer sesame", "small")]

    with gateway(monkeypatch) as requests:
        asyncio.run(main(requests))


def test_a_gateway_that_is_down_keeps_its_default_model(tmp_path, monkeypatch):
    monkeypatch.setenv("GATEWAY_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("GATEWAY_KEY", "sesame")

    async def main():
        ui = ScriptedUI()
        async with session_with(
            tmp_path, "openai_compatible_provider", model="gateway/default", ui=ui
        ) as session:
            assert [model.id for model in session.setup.registry.models_of("gateway")] == ["default"]
        ((kind, text),) = ui.notices
        assert kind == "warning" and "sesame" not in text

    asyncio.run(main())


# router


@posix
def test_the_strong_model_plans_until_the_first_change_and_the_cheap_one_works(tmp_path):
    def answers(model, context):
        changed = type(context.messages[-1]).__name__ == "ToolResultMessage"
        if model == "strong" and not changed and "change" in content_text(context.messages[-1].content):
            return [ToolCall("call_1", "write", {"path": "a.txt", "content": "a"})]
        return [f"{model} here"]

    async def main():
        settings = {"strong": "lab/strong", "cheap": "lab/cheap"}
        auto = "auto/plan-then-work"
        async with session_with(
            tmp_path, "router", model=auto, settings=settings, inline=[lab(answers)]
        ) as session:
            await session.prompt("Think about it")
            before = session.store.leaf
            await session.prompt("Now change it")
            await session.prompt("More")
            await session.prompt("Plan the next step")
            await session.prompt("Go on")
            await session.tree.navigate(before)
            await session.prompt("From here")
            said = ["strong", "cheap", "cheap", "strong", "strong", "strong"]
            assert session.heard.texts == [f"{model} here" for model in said]
            answer = await session.extensions.ctx_of("router").complete("A title for this")
            assert answer.text == "cheap here"

    asyncio.run(main())


# event_bus


@posix
def test_two_extensions_talk_over_a_topic(tmp_path):
    async def main():
        ui = ScriptedUI()
        model = ScriptedModel(call("bash", command="true"), call("bash", command="false"), "Done.")
        names = ("event_bus_sender", "event_bus_listener")
        async with session_with(tmp_path, *names, model=model, ui=ui) as session:
            await session.prompt("Go")
            await session.extensions.ctx_of("event_bus_sender").emit("command:done", "nonsense")
            assert ui.statuses == {"event_bus_listener": "✓ 1 ✗ 1"}
            assert ui.notices == [("warning", "Failed: false")]

    asyncio.run(main())


@posix
@pytest.mark.parametrize("name", ["event_bus_sender", "event_bus_listener"])
def test_each_of_the_two_works_alone(tmp_path, name):
    async def main():
        model = ScriptedModel(call("bash", command="echo hi"), "Done.")
        async with session_with(tmp_path, name, model=model) as session:
            await session.prompt("Go")
            assert session.heard.tool_results == ["hi\n"]

    asyncio.run(main())


# ssh

SSH = """#!/bin/sh
shift 4
[ "$1" = me@box ] || { echo "ssh: Could not resolve hostname $1" >&2; exit 255; }
cd "$REMOTE_HOME" && exec sh -c "$2"
"""


@pytest.fixture
def remote(tmp_path, monkeypatch):
    """The home folder of `me@box`; an `ssh` on PATH knows that host alone."""
    home, programs = tmp_path / "remote", tmp_path / "programs"
    home.mkdir()
    programs.mkdir()
    (programs / "ssh").write_text(SSH)
    (programs / "ssh").chmod(0o755)
    monkeypatch.setenv("REMOTE_HOME", str(home))
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    return home


@posix
def test_the_tools_work_on_the_other_machine(tmp_path, remote):
    (remote / "app").mkdir()
    (remote / "app" / "it's.txt").write_bytes(b"old\n\xff\n")
    edit = {"path": "it's.txt", "edits": [{"oldText": "old", "newText": "new"}]}

    async def main():
        model = ScriptedModel(
            call("bash", command='pwd; echo "$0 it\'s me"; exit 3'),
            call("edit", **edit),
            call("write", path="sub/b.txt", content="b\n"),
            call("read", path="sub/b.txt"),
            call("read", path=str(remote / "app" / "missing")),
            "Done.",
        )
        ui = ScriptedUI()
        async with session_with(tmp_path, "ssh", model=model, ui=ui, flags={"ssh": "me@box:app"}) as session:
            await session.prompt("Go")
            results = session.heard.tool_results
            assert results[:4] == [
                f"{remote}/app\nsh it's me\n\n\nCommand exited with code 3",
                "Successfully replaced 1 block(s) in it's.txt.",
                "Successfully wrote to sub/b.txt",
                "b\n",
            ]
            assert "No such file" in results[4]
            assert list(session.store.cwd.iterdir()) == []
            typed = await ask_user_bash(session, "ls sub")
            assert subprocess.run(typed.command, capture_output=True, text=True).stdout == "b.txt\n"
        assert (remote / "app" / "it's.txt").read_bytes() == b"new\n\xff\n"
        assert stat.S_ISREG((remote / "app" / "sub" / "b.txt").stat().st_mode)
        assert f"<cwd>\n{remote}/app (on me@box, over ssh)\n</cwd>" in model.asked[0].context.system
        assert ui.statuses == {"ssh": "ssh me@box:app"}

    asyncio.run(main())


@posix
def test_two_edits_of_one_file_in_one_response_both_count(tmp_path, remote):
    (remote / "a.txt").write_text("one two")
    calls = [
        ToolCall(f"call_{old}", "edit", {"path": "a.txt", "edits": [{"oldText": old, "newText": new}]})
        for old, new in (("one", "1"), ("two", "2"))
    ]

    async def main():
        model = ScriptedModel(Reply(calls=tuple(calls)), "Done.")
        async with session_with(tmp_path, "ssh", model=model, flags={"ssh": "me@box"}) as session:
            await session.prompt("Go")
        assert (remote / "a.txt").read_text() == "1 2"

    asyncio.run(main())


@posix
def test_a_host_that_cannot_be_reached_makes_every_call_fail_and_nothing_runs_here(tmp_path, remote):
    async def main():
        model = ScriptedModel(
            call("bash", command="touch here"), call("write", path="here", content=""), "I can't."
        )
        trouble = ["before_agent_start: ToolError: ssh: Could not resolve hostname me@gone"]
        flags = {"ssh": "me@gone"}
        async with session_with(tmp_path, "ssh", model=model, flags=flags, trouble=trouble) as session:
            await session.prompt("Go")
            assert session.heard.tool_results == ["ssh: Could not resolve hostname me@gone"] * 2
            assert list(session.store.cwd.iterdir()) == []

    asyncio.run(main())


@posix
def test_in_a_folder_that_is_not_there_no_part_of_a_command_runs(tmp_path, remote):
    async def main():
        model = ScriptedModel(call("bash", command="echo one; touch two"), "I can't.")
        flags = {"ssh": f"me@box:{remote}/gone"}
        async with session_with(tmp_path, "ssh", model=model, flags=flags) as session:
            await session.prompt("Go")
            (result,) = session.heard.tool_results
            assert "gone" in result and "one" not in result.split("gone")[0]
        assert list(remote.iterdir()) == []

    asyncio.run(main())


@posix
def test_without_the_flag_everything_runs_here(tmp_path, remote):
    async def main():
        model = ScriptedModel(call("bash", command="touch here"), "Done.")
        async with session_with(tmp_path, "ssh", model=model) as session:
            await session.prompt("Go")
            assert [file.name for file in session.store.cwd.iterdir()] == ["here"]
            assert await ask_user_bash(session, "ls") is None

    asyncio.run(main())


# structured_output

SCHEMA = {
    "type": "object",
    "properties": {
        "verdict": {"enum": ["good", "bad"]},
        "reasons": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["verdict"],
}


def test_the_run_ends_with_an_answer_that_fits_the_schema(tmp_path):
    async def main():
        (tmp_path / "project").mkdir()
        (tmp_path / "project" / "schema.json").write_text(json.dumps(SCHEMA))
        model = ScriptedModel(call("answer", verdict="meh"), call("answer", verdict="good", reasons=["ü"]))
        flags = {"answer-schema": "schema.json", "answer-file": "out.json"}
        async with session_with(tmp_path, "structured_output", model=model, flags=flags) as session:
            await session.prompt("Review it")
            first, second = session.heard.of("tool_execution_end")
            assert (first.is_error, second.is_error) == (True, False)
            assert second.result.details == {"verdict": "good", "reasons": ["ü"]}
            written = (session.store.cwd / "out.json").read_text(encoding="utf-8")
            assert json.loads(written) == second.result.details
            (tool,) = (tool for tool in model.asked[0].context.tools if tool.name == "answer")
            assert tool.parameters == SCHEMA
        assert len(model.asked) == 2

    asyncio.run(main())


def test_a_schema_that_cannot_be_read_is_reported_and_the_session_goes_on(tmp_path):
    async def main():
        path = tmp_path / "project" / "gone.json"
        error = f"--answer-schema: {path} can't be used: [Errno 2] No such file or directory: '{path}'"
        flags, trouble = {"answer-schema": "gone.json"}, [f"session_start: PiError: {error}"]
        model = ScriptedModel("Fine.")
        async with session_with(
            tmp_path, "structured_output", model=model, flags=flags, trouble=trouble
        ) as s:
            await s.prompt("Hello")
        assert len(model.asked) == 1

    asyncio.run(main())


# summarize


@pytest.mark.parametrize("there", [True, False])
def test_a_summary_is_shown_and_stays_out_of_the_conversation(tmp_path, there):
    async def main():
        model = ScriptedModel(call("read", path="x"), "I read it.", "# Goal\nReading.", "Hello.")
        ui = ScriptedUI(None) if there else NobodyThere()
        async with session_with(tmp_path, "summarize", model=model, ui=ui) as session:
            await session.prompt("/summarize")
            await session.prompt("Read x")
            before = session.messages
            await session.prompt("/summarize the file")
            assert session.messages == before
            assert session.extensions.ctx_of("summarize").stats.usage.total_tokens == 3 * 120
        (prompt,) = user_texts(model, 2)
        assert "Look at this most: the file" in prompt
        assert "[User]: Read x\n\n[Assistant tool calls]: read(path=" in prompt
        assert "[Assistant]: I read it." in prompt
        notices = [("warning", "Nothing was said yet."), ("info", "Summing up…")]
        if there:
            assert [(asked.kind, asked.text) for asked in ui.asked] == [("editor", "# Goal\nReading.")]
        else:
            notices.append(("info", "# Goal\nReading."))
        assert ui.notices == notices

    asyncio.run(main())


# question and questionnaire

ASK = {"question": "Tabs or spaces?", "options": ["Spaces", "Tabs"]}
NOBODY = "Nobody is there to answer. Decide by yourself and say what you assumed."


@pytest.mark.parametrize(
    ("answers", "result", "details"),
    [
        (["Tabs"], "The user chose: Tabs", {"answer": "Tabs", "own_words": False}),
        (["Something else…", "Both"], "The user wrote: Both", {"answer": "Both", "own_words": True}),
        (
            [None],
            "The user closed the question without an answer. Don't ask it again.",
            {"answer": None, "own_words": False},
        ),
    ],
)
def test_a_question_is_answered_by_choice_or_in_own_words(tmp_path, answers, result, details):
    async def main():
        ui = ScriptedUI(*answers)
        model = ScriptedModel(call("question", **ASK), "Fine.")
        async with session_with(tmp_path, "question", model=model, ui=ui) as session:
            await session.prompt("Format it")
            (end,) = session.heard.of("tool_execution_end")
            assert content_text(end.result.content) == result
            assert end.result.details == {**ASK, **details}
        assert ui.asked[0].options == ("Spaces", "Tabs", "Something else…")

    asyncio.run(main())


FORM = {
    "questions": [
        {"name": "style", "title": "Which style?", "choices": [{"label": "Tabs"}, {"label": "Spaces"}]},
        {
            "name": "parts",
            "title": "Which parts?",
            "choices": [{"label": "a"}, {"label": "b"}],
            "several": True,
        },
        {"name": "why", "title": "Why?"},
    ]
}


def test_a_questionnaire_asks_all_questions_in_one_form(tmp_path):
    async def main():
        ui = ScriptedUI({"style": "Tabs", "parts": ["a", "b"], "why": None})
        model = ScriptedModel(call("questionnaire", **FORM), "Fine.")
        async with session_with(tmp_path, "questionnaire", model=model, ui=ui) as session:
            await session.prompt("Ask me")
            assert session.heard.tool_results == ["style: Tabs\nparts: a, b\nwhy: (no answer)"]
        (form,) = ui.asked
        assert [(f.name, f.kind, f.other) for f in form.fields] == [
            ("style", "select", True),
            ("parts", "multi", True),
            ("why", "text", False),
        ]

    asyncio.run(main())


def test_where_there_are_no_forms_the_questions_come_one_by_one(tmp_path):
    async def main():
        ui = ScriptedUI(NotImplementedError(), "Tabs", "a, b", "Because")
        model = ScriptedModel(call("questionnaire", **FORM), "Fine.")
        async with session_with(tmp_path, "questionnaire", model=model, ui=ui) as session:
            await session.prompt("Ask me")
            assert session.heard.tool_results == ["style: Tabs\nparts: a, b\nwhy: Because"]

    asyncio.run(main())


def test_a_closed_form_and_a_form_without_names_are_told_to_the_model(tmp_path):
    async def main():
        ui = ScriptedUI(None)
        twice = {"questions": FORM["questions"][:1] * 2}
        model = ScriptedModel(call("questionnaire", **FORM), call("questionnaire", **twice), "Fine.")
        async with session_with(tmp_path, "questionnaire", model=model, ui=ui) as session:
            await session.prompt("Ask me")
            assert session.heard.tool_results == [
                "The user closed the form. Don't ask again.",
                "Ask at least one question, and give each a name of its own.",
            ]

    asyncio.run(main())


@pytest.mark.parametrize(("tool", "arguments"), [("question", ASK), ("questionnaire", FORM)])
def test_where_nobody_is_the_model_is_told_to_decide(tmp_path, tool, arguments):
    async def main():
        model = ScriptedModel(call(tool, **arguments), "Tabs it is.")
        async with session_with(tmp_path, tool, model=model) as session:
            await session.prompt("Format it")
            (end,) = session.heard.of("tool_execution_end")
            assert (end.is_error, content_text(end.result.content)) == (True, NOBODY)

    asyncio.run(main())


# bash_spawn_hook


@posix
def test_every_command_has_the_variables_and_the_line_before_it(tmp_path):
    async def main():
        settings = {"env": {"CI": "it's 1", "no-name": "x"}, "before": "greet() { echo hi; }"}
        model = ScriptedModel(call("bash", command='greet; echo "$CI"'), call("read", path="x"), "Done.")
        async with session_with(tmp_path, "bash_spawn_hook", model=model, settings=settings) as session:
            await session.prompt("Go")
            assert session.heard.tool_results[0] == "hi\nit's 1\n"
            typed = await ask_user_bash(session, "greet; echo $CI")
            ran = subprocess.run(["bash", "-c", typed.command], cwd=typed.cwd, capture_output=True, text=True)
            assert ran.stdout == "hi\nit's 1\n"

    asyncio.run(main())


# reasoning_cap

ENDLESS = Reply(thinking="Hmm. " * 100)


def test_endless_thinking_is_asked_again_at_a_low_level(tmp_path):
    async def main():
        model = ScriptedModel(ENDLESS, "Here.", ENDLESS, "There.", reasoning=True)
        async with session_with(tmp_path, "reasoning_cap", model=model, settings={"tokens": 50}) as session:
            await session.models.think("high")
            await session.prompt("Think")
            await session.prompt("Think")  # a new run begins with the first step again
            assert session.heard.texts == ["Here.", "There."]
        assert [asked.options.thinking for asked in model.asked] == ["high", "low", "high", "low"]

    asyncio.run(main())


def test_when_that_does_not_help_another_model_answers_and_then_the_run_ends(tmp_path):
    async def main(strong, texts, stop_reason):
        model = ScriptedModel(after=ENDLESS, reasoning=True)
        settings = {"tokens": 50, "instead": "lab/strong"}
        inline = [lab(lambda model, context: strong)]
        async with session_with(
            tmp_path, "reasoning_cap", model=model, settings=settings, inline=inline
        ) as s:
            await s.prompt("Think")
            assert s.heard.texts == texts
            assert s.last_message.stop_reason == stop_reason
            assert len(model.asked) == 2
            return s.last_message.error_message

    assert asyncio.run(main(["Here."], ["Here."], "stop")) is None
    error = asyncio.run(main([Thinking("Hmm. " * 100)], [], "error"))
    assert error == "The model thought for more than 50 tokens, again and again."


# loop_breaker


def test_the_same_call_with_the_same_result_is_stopped(tmp_path):
    async def main():
        model, ui = ScriptedModel(after=call("read", path="a.txt")), ScriptedUI()
        async with session_with(tmp_path, "loop_breaker", model=model, ui=ui) as session:
            (session.store.cwd / "a.txt").write_text("a")
            await session.prompt("Go")
            why = (
                "This call had the same result 3 times in a row. Don't repeat it: try another way, or "
                "tell the user what is in your way."
            )
            assert session.heard.tool_results == ["a", "a", "a", why, why]
        assert len(model.asked) == 5
        assert ui.notices == [("warning", "Stopped: the model repeats the same read call.")]

    asyncio.run(main())


@posix
def test_a_loop_is_seen_through_what_another_extension_changes_in_the_calls(tmp_path):
    async def main():
        model = ScriptedModel(*[call("bash", command="echo $CI")] * 4, "I give up.")
        names, settings = ("bash_spawn_hook", "loop_breaker"), {"env": {"CI": "1"}}
        async with session_with(tmp_path, *names, model=model, settings=settings) as session:
            await session.prompt("Go")
            assert session.heard.tool_results[:3] == ["1\n"] * 3
            assert session.heard.tool_results[3].startswith("This call had the same result 3 times")

    asyncio.run(main())


@posix
def test_another_call_or_another_result_begins_the_count_anew(tmp_path):
    async def main():
        poll = call("bash", command="echo x >> log; wc -l < log | tr -d ' '")
        same, other = call("read", path="a.txt"), call("read", path="b.txt")
        model = ScriptedModel(poll, poll, poll, poll, same, same, other, same, same, "Done.", same, "Done.")
        async with session_with(tmp_path, "loop_breaker", model=model) as session:
            for name in ("a", "b"):
                (session.store.cwd / f"{name}.txt").write_text(name)
            await session.prompt("Go")
            await session.prompt("Once more")
            assert session.heard.tool_results == ["1\n", "2\n", "3\n", "4\n", *"aabaaa"]

    asyncio.run(main())
