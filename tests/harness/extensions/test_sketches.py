"""The sketches of ADR 6 load as extensions, and do what they are sketched for."""

import asyncio
import json
import re
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from pi.agent.events import ToolExecutionEnd
from pi.harness.session import Session
from pi.harness.storage.entries import CustomEntry
from pi.harness.ui import NobodyThere
from pi.llm.messages import AssistantMessage, content_text
from pi.sdk import ExtensionChoice, create_agent_session
from pi.testing import Asked, Reply, ScriptedModel, call

ADR = Path(__file__).parents[3] / "docs" / "adr" / "0006-sketch-nine-extensions.md"
MOST_LINES = 40  # of code: blank ones don't count
SKETCHES = {
    re.sub(r"\W+", "_", title.strip().lower()): code
    for title, code in re.findall(
        r"^### \d\. (.*?)\n+```python\n(.*?)^```$", ADR.read_text(encoding="utf-8"), re.M | re.S
    )
}


class Answers(NobodyThere):
    """Somebody who gives the answers in order, whatever is asked."""

    def __init__(self, *answers: Any):
        super().__init__()
        self.available = True
        self._answers = list(answers)

    async def select(self, title: str, options: Any, timeout: float | None) -> str | None:
        return self._answers.pop(0)

    async def input(self, title: str, placeholder: str, timeout: float | None) -> str | None:
        return self._answers.pop(0)

    async def form(self, title: str, fields: Any, timeout: float | None) -> Any:
        return self._answers.pop(0)


class Ran:
    """What came of one prompt to a session with one sketch."""

    def __init__(self, session: Session):
        self.session = session
        self.tools: list[tuple[str, bool, str]] = []
        session.subscribe(self.hear)

    def hear(self, event: Any) -> None:
        if isinstance(event, ToolExecutionEnd):
            self.tools.append((event.tool_name, event.is_error, content_text(event.result.content)))


def run(
    tmp_path: Path,
    name: str,
    *replies: Any,
    ui: NobodyThere | None = None,
    settings: dict[str, Any] | None = None,
    prompt: str = "hello",
    look: Callable[[Ran], Any] = lambda ran: ran.tools,
) -> Any:
    """Say something to a session with the sketch; `look` at it before it is closed. Nothing may go wrong."""
    path = tmp_path / f"{name}.py"
    path.write_text(SKETCHES[name], encoding="utf-8")
    (tmp_path / "agent").mkdir()
    own = json.dumps({"extensionSettings": {name: settings or {}}})
    (tmp_path / "agent" / "settings.json").write_text(own)

    async def work() -> Any:
        session = await create_agent_session(
            cwd=tmp_path,
            agent_dir=tmp_path / "agent",
            model=ScriptedModel(*replies).model,
            extensions=ExtensionChoice((str(path),)),
            ui=ui,
        )
        ran = Ran(session)
        try:
            await session.prompt(prompt)
            assert (session.extensions.problems, session.warnings) == ([], [])
            return look(ran)
        finally:
            await session.close()

    return asyncio.run(work())


def test_there_are_nine_sketches_of_at_most_forty_lines() -> None:
    lines = {name: sum(bool(line.strip()) for line in code.splitlines()) for name, code in SKETCHES.items()}
    assert len(lines) == 9
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


@pytest.mark.parametrize("name", SKETCHES)
def test_a_sketch_loads_without_a_problem(tmp_path: Path, name: str) -> None:
    declared = run(tmp_path, name, "hi", look=lambda ran: ran.session.extensions.roster.get(name).declared)
    assert any(getattr(declared, field) for field in declared.__struct_fields__)


def test_the_gate_lets_nothing_be_written_while_nobody_is_there(tmp_path: Path) -> None:
    tools = run(tmp_path, "permission_gate", call("write", path="a.txt", content="x"), "ok")
    assert tools == [("write", True, "Nobody allowed this.")]


def test_the_gate_asks_once_for_what_is_always_allowed(tmp_path: Path) -> None:
    write = call("write", path="a.txt", content="x")
    tools = run(tmp_path, "permission_gate", write, write, "ok", ui=Answers("always"))
    assert [is_error for _, is_error, _ in tools] == [False, False]


def test_the_gate_knows_a_path_however_it_is_written(tmp_path: Path) -> None:
    write = call("write", path=f"@{tmp_path}/x/../.env", content="x")
    tools = run(
        tmp_path, "permission_gate", write, "ok", settings={"deny": [f"write:{tmp_path}/.env"]}, ui=Answers()
    )
    assert tools == [("write", True, "The user's rules forbid this. Find another way, or ask the user.")]


def test_questions_come_back_answered(tmp_path: Path) -> None:
    question = {"id": "a", "question": "Which?", "choices": [{"label": "x"}, {"label": "y"}]}
    asked = call("ask_user", questions=[question])
    tools = run(tmp_path, "questionnaire", asked, "ok", ui=Answers({"a": "x", "notes": None}))
    assert tools == [("ask_user", False, '{"selected": {"a": "x"}, "notes": null}')]


def test_the_tool_for_questions_is_gone_when_nobody_is_there(tmp_path: Path) -> None:
    active = run(tmp_path, "questionnaire", "hi", look=lambda ran: [t.name for t in ran.session.tools.active])
    assert active == ["read", "bash", "edit", "write"]


def test_the_advisor_sends_nothing_before_its_model_is_chosen(tmp_path: Path) -> None:
    tools = run(tmp_path, "advisor", call("advisor"), "ok")
    assert tools == [
        ("advisor", True, "No advisor is set up: the user must put its model into settings.json.")
    ]


def test_the_loop_guard_asks_again_and_writes_it_down(tmp_path: Path) -> None:
    def look(ran: Ran) -> Any:
        entries = ran.session.store.branch()
        answers = [m.text for m in ran.session.messages if isinstance(m, AssistantMessage)]
        return answers[-1], [entry.data for entry in entries if isinstance(entry, CustomEntry)]

    again = Reply("I should look at the file again, and then I should look at it once more. " * 20)
    assert run(tmp_path, "loop_guard", again, "Done.", look=look) == (
        "Done.",
        [["a response repeated itself"]],
    )


def test_the_loop_guard_blocks_a_call_that_always_gives_the_same(tmp_path: Path) -> None:
    read = call("bash", command="echo x")
    tools = run(tmp_path, "loop_guard", read, read, read, "ok", settings={"same_calls": 2})
    assert tools == [
        ("bash", False, "x\n"),
        ("bash", False, "x\n"),
        ("bash", True, "This call gives the same again and again. Try another."),
    ]


def test_the_status_bar_has_a_text_for_each_segment(tmp_path: Path) -> None:
    def look(ran: Ran) -> Any:
        host = ran.session.extensions
        segments = host.joined.segments.values()
        return {segment.name: segment.run(host.ctx_of(owner)) for owner, segment in segments}

    shown = run(tmp_path, "status_bar", "hi", settings={"command": ["echo", "a line"]}, look=look)
    assert shown == {"git": "", "model": "Scripted model off", "context": shown["context"], "line": "a line"}
    assert re.fullmatch(r"\d+% of 128k  \$0\.00", shown["context"])


def test_a_page_of_the_users_own_network_is_never_asked_for(tmp_path: Path) -> None:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)

        def log_message(self, format: str, *args: Any) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/keys"
        tools = run(tmp_path, "web_search_and_fetch", call("fetch", url=url), "ok")
        server.shutdown()
    assert (asked, [is_error for _, is_error, _ in tools]) == ([], [True])


def test_sub_agents_answer_in_the_order_of_their_tasks(tmp_path: Path) -> None:
    def reply(asked: Asked) -> Reply | str:
        text = content_text(asked.context.messages[-1].content)
        if text == "hello":
            return call("delegate", tasks=[{"agent": "scout", "prompt": word} for word in ("one", "two")])
        return f"answer to {text}"

    tools = run(tmp_path, "sub_agents", *[reply] * 4)
    found = "[scout: done, 0.00 USD]\nanswer to one\n\n[scout: done, 0.00 USD]\nanswer to two"
    assert tools == [("delegate", False, found)]


def test_a_workflow_hands_typed_answers_on_and_each_step_has_its_own_tools(tmp_path: Path) -> None:
    (tmp_path / "flow.yaml").write_text(
        "plan:\n  prompt: Plan $input\n  fields: {steps: list, risk: number}\n"
        "do:\n  prompt: Do $plan\n  needs: [plan]\n  tools: [read]\n"
    )
    seen: list[tuple[str, list[str]]] = []

    def reply(asked: Asked) -> str:
        first = content_text(asked.context.messages[-1].content).partition("\n")[0]
        seen.append((first, [tool.name for tool in asked.context.tools]))
        return "Done." if first.startswith("Do") else '{"steps": ["dig"], "risk": 0.5}'

    ui = Answers()
    run(
        tmp_path,
        "workflow_dispatch",
        reply,
        reply,
        ui=ui,
        prompt="/workflow flow.yaml a house",
        look=lambda ran: None,
    )
    plan = '{"steps":["dig"],"risk":0.5}'
    assert seen == [("Plan a house", ["read", "bash", "edit", "write"]), (f"Do {plan}", ["read"])]
    assert ui.notices == [("info", f"plan: {plan}\ndo: Done."), ("info", "0.00 USD")]
