"""Time limits and dialogs: a person may think as long as they like, code may not."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest

from pi.agent import hooks, limits
from pi.ext import Ctx, ToolError
from pi.harness.events import ExtensionFailed
from pi.harness.session import Session
from pi.sdk import ExtensionChoice, create_agent_session
from pi.testing import ScriptedModel, ScriptedUI, call


async def session_of(folder: Path, *extensions: Any, model: Any = None, ui: Any = None) -> Session:
    session = await create_agent_session(
        cwd=folder,
        agent_dir=folder / "agent",
        model=(model or ScriptedModel(after="Fine")).model,
        extensions=ExtensionChoice(inline=extensions, find=False),
        ui=ui,
    )
    await session.start()
    return session


def lived(folder: Path, *extensions: Any, **options: Any) -> Session:
    async def run() -> Session:
        session = await session_of(folder, *extensions, **options)
        await session.prompt("hi")
        await session.close()
        return session

    return asyncio.run(asyncio.wait_for(run(), 30))


class Thinking(ScriptedUI):
    """A person who thinks until the limit would be over many times."""

    async def confirm(self, title: str, message: str, timeout: float | None) -> bool | None:
        await asyncio.sleep(0.1)
        return await super().confirm(title, message, timeout)


def test_the_time_of_a_dialog_doesn_t_count_but_the_code_around_it_does(tmp_path: Path) -> None:
    answers: list[bool] = []

    def asking(pi: Any) -> None:
        @pi.on("agent_start", limit=0.05)
        async def ask(event: Any, ctx: Ctx) -> None:
            answers.append(await ctx.ui.confirm("Sure?"))
            await asyncio.sleep(600)

    session = lived(tmp_path, asking, ui=Thinking(True))

    assert answers == [True]
    assert session.warnings == [
        'Extension "asking" failed in agent_start: TooSlow: It took longer than 0.05 s and was stopped'
    ]


def test_a_dialog_of_a_gate_doesn_t_count_for_the_handler_whose_tool_it_judges(tmp_path: Path) -> None:
    def asking(pi: Any) -> None:
        @pi.tool
        def greet() -> str:
            """Greet."""
            return "hello"

        @pi.gate(limit=0.05)
        async def gate(event: Any, ctx: Ctx) -> None:
            await ctx.ui.confirm("Sure?")

        @pi.on("agent_start", limit=0.05)
        async def start(event: Any, ctx: Ctx) -> None:
            await ctx.tools.call("greet")
            ctx.ui.notify("done")

    ui = Thinking(True)
    session = lived(tmp_path, asking, ui=ui)

    assert (session.warnings, ui.notices) == ([], [("info", "done")])


def test_a_dialog_in_the_background_doesn_t_lengthen_the_limit_of_who_started_it(tmp_path: Path) -> None:
    def asking(pi: Any) -> None:
        @pi.on("agent_start", limit=0.02)
        async def start(event: Any, ctx: Ctx) -> None:
            ctx.task(ctx.ui.confirm("Sure?"))
            await asyncio.Event().wait()

    class Never(ScriptedUI):
        async def confirm(self, title: str, message: str, timeout: float | None) -> bool | None:
            await asyncio.Event().wait()
            return None

    session = lived(tmp_path, asking, ui=Never())

    assert "TooSlow" in session.warnings[0]


def test_code_that_ignores_its_end_is_left_behind(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(limits, "GRACE_S", 0.01)
    go_on = asyncio.Event()

    def stubborn(pi: Any) -> None:
        @pi.on("agent_start", limit=0.01)
        async def start(event: Any, ctx: Ctx) -> None:
            while not go_on.is_set():
                with contextlib.suppress(asyncio.CancelledError):
                    await go_on.wait()

    async def run() -> Session:
        session = await session_of(tmp_path, stubborn)
        await session.prompt("hi")
        assert session.last_message is not None and session.last_message.text == "Fine"
        await session.close()
        go_on.set()
        await asyncio.sleep(0)
        return session

    session = asyncio.run(asyncio.wait_for(run(), 30))
    assert "TooSlow" in session.warnings[0] and "left behind" in session.warnings[1]


def test_a_slow_plain_function_is_reported_and_its_answer_counts(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(hooks, "SLOW_S", -1)

    def slow(pi: Any) -> None:
        pi.on("input")(lambda event, ctx: "changed")

    model = ScriptedModel("Fine")
    session = lived(tmp_path, slow, model=model)

    assert model.asked[0].context.messages[-1].content[0].text == "changed"
    [warning] = session.warnings
    assert 'Extension "slow" failed in input: it held up everything for 0.0 s' in warning
    assert "`async def`" in warning


def test_a_tool_has_the_limit_that_it_declares(tmp_path: Path) -> None:
    def hanging(pi: Any) -> None:
        @pi.tool(limit=0.01)
        async def wait() -> str:
            """Wait."""
            await asyncio.Event().wait()
            return ""

    model = ScriptedModel(call("wait"), "Fine")
    lived(tmp_path, hanging, model=model)

    result = model.asked[1].context.messages[-1]
    assert result.is_error and "took longer than 0.01 s" in result.content[0].text


@pytest.mark.parametrize("kind", ["select", "confirm", "input", "form"])
def test_a_dialog_with_a_timeout_gives_the_careful_answer(tmp_path: Path, kind: str) -> None:
    answers: list[Any] = []
    arguments = {"select": (["a"],), "form": ((),)}.get(kind, ())

    def asking(pi: Any) -> None:
        @pi.on("agent_start")
        async def ask(event: Any, ctx: Ctx) -> None:
            answers.append(await getattr(ctx.ui, kind)("Well?", *arguments, timeout=0.01))

    class Never(ScriptedUI):
        async def never(self, *given: Any) -> None:
            await asyncio.Event().wait()

        select = confirm = input = form = never  # type: ignore[assignment]

    session = lived(tmp_path, asking, ui=Never())

    assert answers == [False if kind == "confirm" else None]
    assert session.warnings == []


def test_others_hear_of_a_dialog_and_may_ask_in_turn_without_an_end(tmp_path: Path) -> None:
    heard: list[tuple[str, str, str]] = []

    def asking(pi: Any) -> None:
        @pi.on("agent_start")
        async def ask(event: Any, ctx: Ctx) -> None:
            await ctx.ui.confirm("First?")

    def hearing(pi: Any) -> None:
        @pi.on("ui_prompt_start")
        async def start(event: Any, ctx: Ctx) -> None:
            heard.append(("start", event.kind, event.title))
            await ctx.ui.confirm("Second?")

        @pi.on("ui_prompt_end")
        async def end(event: Any, ctx: Ctx) -> None:
            heard.append(("end", event.kind, event.title))

    ui = ScriptedUI(True, True)
    session = lived(tmp_path, asking, hearing, ui=ui)

    assert heard == [("start", "confirm", "First?"), ("end", "confirm", "First?")]
    assert [question.title for question in ui.asked] == ["Second?", "First?"]
    assert session.warnings == []


def test_where_nobody_is_answers_are_careful_at_once(tmp_path: Path) -> None:
    answers: list[Any] = []

    def asking(pi: Any) -> None:
        @pi.on("agent_start")
        async def ask(event: Any, ctx: Ctx) -> None:
            ui = ctx.ui
            answers.extend(
                [ui.available, await ui.confirm("?"), await ui.input("?"), await ui.select("?", ["a"])]
            )
            with contextlib.suppress(NotImplementedError):
                answers.append(await ui.custom(lambda: None))

    session = lived(tmp_path, asking)

    assert (answers, session.warnings) == ([False, False, None, None], [])


def test_failures_are_events_that_name_extension_and_place(tmp_path: Path) -> None:
    events: list[Any] = []

    def failing(pi: Any) -> None:
        pi.command("fail")(lambda args, ctx: 1 / 0)

        @pi.command("refuse")
        def refuse(args: str, ctx: Ctx) -> None:
            raise ToolError("no")

    async def run() -> None:
        session = await session_of(tmp_path, failing)
        session.subscribe(lambda event: events.append(event) if isinstance(event, ExtensionFailed) else None)
        await session.prompt("/fail")
        await session.prompt("/refuse")
        await session.close()

    asyncio.run(run())
    assert events == [
        ExtensionFailed("failing", "/fail", "ZeroDivisionError: division by zero"),
        ExtensionFailed("failing", "/refuse", "ToolError: no"),
    ]
