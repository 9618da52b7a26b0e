"""Child sessions: rights, judges, limits, usage, questions, typed output, and that nothing is left."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import pytest
from msgspec import Struct
from msgspec.structs import replace

from pi.agent.limits import alarm, unlimited, within
from pi.ext import (
    Block,
    Ctx,
    Effects,
    ExtensionAPI,
    MessageUpdate,
    PiError,
    Rewrite,
    ToolCallEvent,
    ToolExecutionStart,
)
from pi.harness.extensions.child_limits import Limits
from pi.harness.extensions.children import ChildResult
from pi.harness.session import Session
from pi.harness.stats import stats_of
from pi.harness.storage.entries import UsageEntry
from pi.harness.storage.store import Store
from pi.llm.events import BlockDelta
from pi.llm.messages import ToolCall, Usage, content_text
from pi.llm.models import ModelCost
from pi.sdk import ExtensionChoice, ModelChoice, ToolChoice, create_agent_session
from pi.testing import Reply, ScriptedModel, ScriptedUI, call

Extension = Callable[[ExtensionAPI], None]


def boss(pi: ExtensionAPI) -> None:
    pass


async def opened(tmp_path: Path, *extensions: Extension, **given: Any) -> tuple[Session, Ctx]:
    """A session that has started, and the ctx of its first extension."""
    given.setdefault("model", ScriptedModel("parent").model)
    inline = extensions or (boss,)
    session = await create_agent_session(
        cwd=tmp_path,
        agent_dir=tmp_path / "agent",
        extensions=ExtensionChoice(inline=inline, find=False),
        **given,
    )
    await session.start()
    assert session.extensions.problems == []
    return session, session.extensions.ctx_of(inline[0].__name__)


def role(message: Any) -> str:
    return str(type(message).__struct_config__.tag)


def speaks(event: Any) -> bool:
    return isinstance(event, MessageUpdate) and isinstance(event.assistant_message_event, BlockDelta)


def texts(asked: Any) -> list[tuple[str, str]]:
    return [(role(message), content_text(message.content)) for message in asked.context.messages]


def test_a_child_has_a_conversation_of_its_own_that_goes_on_from_run_to_run(tmp_path: Path):
    small = ScriptedModel("one", "two", id="small")

    async def go() -> None:
        session, ctx = await opened(tmp_path)
        async with await ctx.child(model=small.model, system="You count.") as child:
            first, second = await child.run("1?"), await child.run("2?")
        assert first == ChildResult("one", None, Usage(100, 20, total_tokens=120), 0.0, "done", 1, None)
        assert second.text == "two"
        assert small.asked[0].context.system.startswith("You count.")
        assert texts(small.asked[1]) == [("user", "1?"), ("assistant", "one"), ("user", "2?")]
        assert session.messages == ()
        await session.close()

    asyncio.run(go())


def test_a_child_gets_no_tool_that_its_parent_does_not_use(tmp_path: Path):
    async def go() -> None:
        session, ctx = await opened(tmp_path, tools=ToolChoice(only=("read", "ls")))
        with pytest.raises(PiError, match=r"its parent hasn't: bash, nope\. There are: read, ls"):
            await ctx.child(tools=["read", "bash", "nope"])
        async with await ctx.child(tools=["ls"]) as child:
            child.session.tools.use(["bash", "read", "ls"])
            assert [tool.name for tool in child.session.tools.active] == ["ls"]
            assert child.session.tools.get("read") is None
        await session.close()

    asyncio.run(go())


def test_a_tool_brings_its_extension_along_and_nothing_else_of_its_name(tmp_path: Path):
    def counter(pi: ExtensionAPI) -> None:
        counts: list[int] = []

        @pi.tool
        async def count(*, ctx: Ctx) -> str:
            """Count."""
            counts.append(1)
            return f"{len(counts)} in {ctx.cwd.name}"

    starts: list[Ctx] = []

    def other(pi: ExtensionAPI) -> None:
        @pi.on("session_start")
        async def start(event: Any, ctx: Ctx) -> None:
            starts.append(ctx)
            if len(starts) == 1:  # the parent's
                return

            @pi.tool
            async def bash() -> str:
                """Not the real one."""
                return "wrong"

            ctx.tools.use(["bash", "count", "read"])

    small = ScriptedModel(call("count"), "ok", id="small")
    (tmp_path / "sub").mkdir()

    async def go() -> None:
        session, ctx = await opened(tmp_path, counter, tools=ToolChoice(only=("read", "count")))
        await ctx.tools.call("count")
        wanted = {"model": small.model, "cwd": "sub"}
        async with await ctx.child(**wanted, tools=["count"]) as child:
            await child.run("go")
        assert texts(small.asked[1])[-1] == ("toolResult", "1 in sub")
        async with await ctx.child() as child:
            assert [tool.name for tool in child.session.tools.active] == ["read"]
        await session.close()
        session, ctx = await opened(tmp_path, other, tools=ToolChoice(only=("read",)))
        async with await ctx.child(extensions=["other"]) as child:
            assert (len(starts), child.session.tools.known) == (2, ("read",))
        with pytest.raises(PiError, match='No extension "nope"'):
            await ctx.child(extensions=["nope"])
        await session.close()

    asyncio.run(go())


def test_an_extension_that_replaces_a_built_in_tool_stands_in_for_it_in_the_child_too(tmp_path: Path):
    def sandbox(pi: ExtensionAPI) -> None:
        @pi.tool
        async def bash(command: str) -> str:
            """Run nothing."""
            return f"not run: {command}"

    small = ScriptedModel(call("bash", command="true"), "ok", id="small")

    async def go() -> None:
        session, ctx = await opened(tmp_path, boss, sandbox)
        async with await ctx.child(model=small.model, extensions=[]) as child:
            await child.run("go")
        assert texts(small.asked[1])[-1] == ("toolResult", "not run: true")
        await session.close()

    asyncio.run(go())


def test_the_parents_gates_and_handlers_judge_calls_of_children_and_of_theirs_once(tmp_path: Path):
    seen: list[tuple[str, str, Effects]] = []

    def guard(pi: ExtensionAPI) -> None:
        @pi.on("tool_call")
        async def change(event: ToolCallEvent, ctx: Ctx) -> Rewrite:
            return Rewrite({**event.arguments, "path": event.arguments["path"] + "x"})

        @pi.gate
        async def ask(event: ToolCallEvent, ctx: Ctx) -> Block | None:
            seen.append((event.tool_name, event.arguments["path"], event.effects))
            return None if await ctx.ui.confirm(event.tool_name) else Block("The user said no")

    small = ScriptedModel(call("ls", path="a"), "ok", call("ls", path="b"), "ok", id="small")
    ui = ScriptedUI(False, False)
    (tmp_path / "sub").mkdir()

    async def go() -> None:
        session, ctx = await opened(tmp_path, guard, tools=ToolChoice(only=("ls",)), ui=ui)
        async with await ctx.child(model=small.model, name="scout", cwd="sub") as child:
            await child.run("go")
            inner = child.session.extensions.ctx_of("guard")
            async with await inner.child(model=small.model, name="mole") as grandchild:
                await grandchild.run("go")
        assert texts(small.asked[1])[-1] == ("toolResult", "The user said no")
        assert texts(small.asked[3])[-1] == ("toolResult", "The user said no")
        assert [question.title for question in ui.asked] == ["scout: ls", "mole: ls"]
        sub = tmp_path / "sub"
        assert [(name, path) for name, path, _ in seen] == [("ls", "ax"), ("ls", "bx")]
        assert [effects.reads for _, _, effects in seen] == [(str(sub / "ax"),), (str(sub / "bx"),)]
        await session.close()

    asyncio.run(go())


def test_a_gate_that_fails_denies_the_childs_call_and_is_named(tmp_path: Path):
    def broken(pi: ExtensionAPI) -> None:
        @pi.gate
        def ask(event: ToolCallEvent) -> None:
            raise ValueError(event.parent_tool_call_id)

        @pi.tool
        async def delegate(*, ctx: Ctx) -> str:
            """Hand it on."""
            async with await ctx.child(model=small.model, tools=["ls"]) as child:
                return (await child.run("go")).text

    small = ScriptedModel(call("ls"), "ok", id="small")

    async def go() -> None:
        session, _ = await opened(tmp_path, broken, tools=ToolChoice(only=("ls", "delegate")))
        tool = session.tools.get("delegate")
        assert tool is not None
        context = replace(session.host.tool_context(), call_id="call_7")
        assert (await tool.run({}, context)).content[0].text == "ok"
        denied = 'The gate of Extension "broken" failed, so the call was denied: ValueError: call_7'
        assert texts(small.asked[1])[-1] == ("toolResult", denied)
        assert 'Extension "broken" failed in gate: ValueError: call_7' in session.warnings
        await session.close()

    asyncio.run(go())


def looping(**fields: Any) -> ScriptedModel:
    return ScriptedModel(after=lambda asked: call("ls"), id="small", **fields)


@pytest.mark.parametrize(
    ("limits", "stop", "asked"),
    [
        (Limits(turns=3), "turns", 3),
        (Limits(tokens=240), "tokens", 2),
        (Limits(cost=0.25), "cost", 3),
    ],
)
def test_a_limit_ends_the_child_with_what_it_had(tmp_path: Path, limits: Limits, stop: str, asked: int):
    small = looping(cost=ModelCost(input=1000.0, output=0.0))

    async def go() -> None:
        session, ctx = await opened(tmp_path)
        async with await ctx.child(model=small.model, limits=limits) as child:
            result = await child.run("go")
            assert (result.stop, result.turns, len(small.asked)) == (stop, asked, asked)
            assert result.usage.total_tokens == 120 * asked
            assert [role(m) for m in child.session.messages][1:] == [
                "user",
                *["assistant", "toolResult"] * asked,
            ]
            again = await child.run("go on")
            assert (again.stop, again.turns, len(small.asked)) == (stop, 0, asked)
        await session.close()

    asyncio.run(go())


def test_a_limit_ends_a_child_in_the_middle_of_a_response_of_its_parents_provider(tmp_path: Path):
    def own(pi: ExtensionAPI) -> None:
        async def stream(model: Any, context: Any, options: Any) -> AsyncIterator[Any]:
            yield "half an answer"
            yield Usage(input=1000, total_tokens=1000)
            while True:
                await asyncio.sleep(0)
                yield "."

        pi.provider("mine", stream=stream, models=[{"id": "m"}])

    async def go() -> None:
        session, ctx = await opened(tmp_path, own)
        async with await ctx.child(model="mine/m", limits=Limits(tokens=500)) as child:
            result = await child.run("go")
        assert (result.stop, result.turns, result.usage.total_tokens) == ("tokens", 1, 1000)
        assert result.text.startswith("half an answer.")
        assert stats_of(session).usage.total_tokens == 1000
        await session.close()

    asyncio.run(go())


def test_what_a_cancelled_child_had_spent_is_counted(tmp_path: Path):
    spent = asyncio.Event()

    def own(pi: ExtensionAPI) -> None:
        async def stream(model: Any, context: Any, options: Any) -> AsyncIterator[Any]:
            yield Usage(input=1000, total_tokens=1000)
            yield "half"
            spent.set()
            await asyncio.Event().wait()

        pi.provider("mine", stream=stream, models=[{"id": "m"}])

    async def go() -> None:
        session, ctx = await opened(tmp_path, own)

        async def work() -> None:
            async with await ctx.child(model="mine/m") as child:
                await child.run("go")

        task = asyncio.create_task(work())
        await spent.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert stats_of(session).usage.total_tokens == 1000
        assert asyncio.all_tasks() == {asyncio.current_task()}
        await session.close()

    asyncio.run(go())


def test_what_an_extension_says_in_a_child_comes_before_the_prompt(tmp_path: Path):
    def eager(pi: ExtensionAPI) -> None:
        @pi.on("session_start")
        async def start(event: Any, ctx: Ctx) -> None:
            if ctx.models.current.id == "small":
                await ctx.say("first")

    small = ScriptedModel("1", "2", id="small")

    async def go() -> None:
        session, ctx = await opened(tmp_path, eager)
        async with await ctx.child(model=small.model, extensions=["eager"]) as child:
            assert (await child.run("second")).text == "2"
        assert [text for _, text in texts(small.asked[1])] == ["first", "1", "second"]
        async with await ctx.child(model=ScriptedModel(id="small").model, extensions=["eager"]):
            pass
        assert asyncio.all_tasks() == {asyncio.current_task()}
        await session.close()

    asyncio.run(go())


def test_a_childs_limits_hold_for_its_own_children(tmp_path: Path):
    small = looping()

    async def go() -> None:
        session, ctx = await opened(tmp_path)
        async with await ctx.child(limits=Limits(tokens=240), extensions=["boss"]) as child:
            inner = child.session.extensions.ctx_of("boss")
            async with await inner.child(model=small.model, limits=Limits(tokens=10_000)) as grandchild:
                assert (await grandchild.run("go")).stop == "tokens"
            assert len(small.asked) == 2
            assert (await child.run("go")).stop == "tokens"
        await session.close()

    asyncio.run(go())


def test_time_ends_a_child_that_hangs(tmp_path: Path):
    small = ScriptedModel(Reply("half an", hang=True), id="small")

    async def go() -> None:
        session, ctx = await opened(tmp_path)
        async with await ctx.child(model=small.model, limits=Limits(seconds=0.05)) as child:
            result = await child.run("go")
            assert (result.text, result.stop) == ("half an", "seconds")
            assert (await child.run("go")).stop == "seconds"
        await session.close()

    asyncio.run(go())


def test_the_time_of_people_does_not_count():
    async def go() -> None:
        rung = asyncio.Event()
        with alarm(0.01, rung.set) as left:
            with unlimited():
                await asyncio.sleep(0.03)

            async def ask() -> None:
                with unlimited():
                    await asyncio.sleep(0.03)

            await within(30, ask())
            assert (rung.is_set(), left() > 0) == (False, True)
            await rung.wait()
            assert left() <= 0

    asyncio.run(go())


def test_children_may_be_two_deep_unless_the_outermost_allows_more(tmp_path: Path):
    async def deepest(ctx: Ctx, limits: Limits | None, level: int = 0) -> int:
        try:
            async with await ctx.child(extensions=["boss"], limits=limits) as child:
                return await deepest(child.session.extensions.ctx_of("boss"), Limits(depth=9), level + 1)
        except PiError as error:
            assert f"may be {level} deep" in str(error)
            return level

    async def go() -> None:
        session, ctx = await opened(tmp_path)
        assert [await deepest(ctx, limits) for limits in (None, Limits(depth=3), Limits(depth=0))] == [
            2,
            3,
            0,
        ]
        await session.close()

    asyncio.run(go())


def test_aborting_the_parent_stops_the_child_of_its_tool_and_leaves_nothing(tmp_path: Path):
    reached = asyncio.Event()
    children: list[Any] = []

    def hands(pi: ExtensionAPI) -> None:
        @pi.tool
        async def delegate(*, ctx: Ctx) -> str:
            """Hand it on."""
            async with await ctx.child(model=small.model) as child:
                children.append(child)
                child.subscribe(lambda event: reached.set() if speaks(event) else None)
                return (await child.run("go")).text

    small = ScriptedModel(Reply("half", hang=True), id="small")

    async def go() -> None:
        session, _ = await opened(tmp_path, hands, model=ScriptedModel(call("delegate"), "end").model)
        handlers = session.hooks.count()
        run = asyncio.create_task(session.prompt("go"))
        await reached.wait()
        await session.abort()
        await run
        assert [role(message) for message in session.messages][-2:] == ["toolResult", "assistant"]
        with pytest.raises(PiError, match="closed"):
            await children[0].run("more")
        assert children[0].session.last_message.stop_reason == "aborted"
        assert session.hooks.count() == handlers
        assert asyncio.all_tasks() == {asyncio.current_task()}
        await session.close()

    asyncio.run(go())


@pytest.mark.parametrize(
    "end", [lambda s: s.close(), lambda s: s.extensions.unload("boss"), lambda s: s.reload()]
)
def test_a_child_ends_with_its_parent_and_its_extension(
    tmp_path: Path, end: Callable[[Session], Awaitable[None]]
):
    small = ScriptedModel(Reply("half", hang=True), id="small")

    async def go() -> None:
        session, ctx = await opened(tmp_path)
        child = await ctx.child(model=small.model)
        begun = asyncio.Event()
        child.subscribe(lambda event: begun.set() if speaks(event) else None)
        run = asyncio.create_task(child.run("go"))
        await begun.wait()
        await end(session)
        result = await run
        assert (result.text, result.stop) == ("half", "aborted")
        assert asyncio.all_tasks() == {asyncio.current_task()}
        await session.close()

    asyncio.run(go())


def test_a_child_can_be_steered_and_aborted(tmp_path: Path):
    small = ScriptedModel(call("ls"), "heard", Reply("half", hang=True), id="small")

    async def go() -> None:
        session, ctx = await opened(tmp_path, tools=ToolChoice(only=("ls",)))
        async with await ctx.child(model=small.model) as child:

            async def steer(event: Any) -> None:
                if isinstance(event, ToolExecutionStart):
                    await child.steer("look here")
                    with pytest.raises(PiError, match="is running"):
                        await child.run("another")

            stop = child.subscribe(steer)
            assert (await child.run("go")).text == "heard"
            assert texts(small.asked[1])[-1] == ("user", "look here")
            stop()

            async def abort(event: Any) -> None:
                if speaks(event):
                    await child.abort()

            child.subscribe(abort)
            result = await child.run("go on")
            assert (result.text, result.stop) == ("half", "aborted")
        await session.close()

    asyncio.run(go())


def test_what_children_and_theirs_cost_is_counted_once_in_every_session_above(tmp_path: Path):
    price = ModelCost(input=1000.0, output=0.0)
    small = ScriptedModel(call("ls"), "ok", id="small", cost=price)
    tiny = ScriptedModel("ok", id="tiny", cost=price)

    async def go() -> None:
        session, ctx = await opened(tmp_path)
        async with await ctx.child(model=small.model, extensions=["boss"], name="scout") as child:
            result = await child.run("go")
            inner = child.session.extensions.ctx_of("boss")
            async with await inner.child(model=tiny.model) as grandchild:
                await grandchild.run("go")
            await inner.complete("hm", model=ScriptedModel("ok", id="third", cost=price).model)
            assert stats_of(child.session).cost == pytest.approx(0.4)
        assert result.cost == pytest.approx(0.2)
        entries = [entry for entry in session.store.entries() if isinstance(entry, UsageEntry)]
        assert [(e.kind, e.model, e.usage.total_tokens, e.note) for e in entries] == [
            ("child", "small", 120, {"child": "scout"}),
            ("child", "small", 120, {"child": "scout"}),
            ("child", "tiny", 120, {"child": "scout"}),
            ("child", "third", 120, {"child": "scout"}),
        ]
        assert stats_of(session).cost == pytest.approx(0.4)
        await session.close()

    asyncio.run(go())


def test_a_provider_that_fails_is_a_result(tmp_path: Path):
    small = ScriptedModel(Reply("half", error="no such model"), id="small")

    async def go() -> None:
        session, ctx = await opened(tmp_path)
        async with await ctx.child(model=small.model) as child:
            result = await child.run("go")
        assert (result.text, result.stop, result.error) == ("half", "error", "no such model")
        await session.close()

    asyncio.run(go())


class Point(Struct):
    x: int
    y: int = 0


@dataclass
class Named:
    name: str


class Found(TypedDict):
    files: list[str]


class Model:
    """Describes and checks itself as a pydantic model does."""

    def __init__(self, x: int):
        self.x = x

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Model) and other.x == self.x

    @classmethod
    def model_json_schema(cls) -> dict[str, Any]:
        return {"type": "object", "properties": {"x": {"type": "integer"}}}

    @classmethod
    def model_validate(cls, value: Any) -> "Model":
        if value["x"] < 0:
            raise ValueError("x is below 0")
        return cls(value["x"])


@pytest.mark.parametrize(
    ("kind", "replies", "value"),
    [
        (Point, ['{"x": 1}'], Point(1)),
        (Point, ['Sure:\n```json\n{"x": 1, "y": "2"}\n```\nDone.'], Point(1, 2)),
        (Point, ["I think x is 1", '{"y": 2}', 'So: {"x": 3}'], Point(3)),
        (Named, ['{"name": "a"}'], Named("a")),
        (Found, ["[" * 5000, 'Here {"files": ["a"]}'], {"files": ["a"]}),
        (list[Point], ['[{"x": 1}]'], [Point(1)]),
        (dict[str, int], ['{"a": 1}'], {"a": 1}),
        (str, ["just so"], "just so"),
        (Model, ['{"x": -1}', '{"x": 1}'], Model(1)),
    ],
)
def test_an_answer_of_a_type_is_asked_for_again_until_it_fits(
    tmp_path: Path, kind: Any, replies: list[str], value: Any
):
    small = ScriptedModel(*replies, id="small")

    async def go() -> None:
        session, ctx = await opened(tmp_path)
        async with await ctx.child(model=small.model) as child:
            result = await child.run("go", kind)
        assert (result.output, result.stop, result.turns) == (value, "done", len(replies))
        await session.close()

    asyncio.run(go())


def test_a_child_that_gives_no_answer_of_the_type_says_what_is_wrong(tmp_path: Path):
    small = ScriptedModel(after='{"y": 1}', id="small")

    async def go() -> None:
        session, ctx = await opened(tmp_path)
        async with await ctx.child(model=small.model) as child:
            result = await child.run("go", Point)
        assert (result.output, result.stop, result.turns) == (None, "unfit", 3)
        assert "missing required field `x`" in result.error
        assert texts(small.asked[1])[-1] == ("user", result.error)
        await session.close()

    asyncio.run(go())


def test_ten_children_run_side_by_side_and_leave_nothing(tmp_path: Path):
    def helper(pi: ExtensionAPI) -> None:
        @pi.on("session_start")
        async def start(event: Any, ctx: Ctx) -> None:
            ctx.ui.status("at work")
            ctx.every(60, lambda: None)

    models = [ScriptedModel(call("ls"), f"answer {at}", id=f"m{at}") for at in range(10)]
    ui = ScriptedUI()

    async def go() -> None:
        session, ctx = await opened(tmp_path, helper, ui=ui)
        handlers, tasks, statuses = session.hooks.count(), asyncio.all_tasks(), dict(ui.statuses)

        async def one(model: ScriptedModel) -> str:
            async with await ctx.child(
                model=model.model, extensions=["helper"], name=model.model.id
            ) as child:
                return (await child.run("go")).text

        answers = await asyncio.gather(*map(one, models))
        assert answers == [f"answer {at}" for at in range(10)]
        assert (session.hooks.count(), asyncio.all_tasks()) == (handlers, tasks)
        assert {key: text for key, text in ui.statuses.items() if text} == statuses
        assert stats_of(session).usage.total_tokens == 2400
        await session.close()

    asyncio.run(go())


def test_a_child_that_is_saved_names_its_parent_and_a_fork_begins_with_its_words(tmp_path: Path):
    def hands(pi: ExtensionAPI) -> None:
        @pi.tool
        async def delegate(save: bool, *, ctx: Ctx) -> str:
            """Hand it on."""
            async with await ctx.child(model=small.model, save=save, fork=True, name="twin") as child:
                result = await child.run("go")
            assert (result.session_file is not None) == save
            return str(result.session_file)

    small = ScriptedModel("a", "b", id="small")
    big = ScriptedModel(call("delegate", save=True), "mid", call("delegate", save=False), "end")

    async def go() -> None:
        store = Store.create(tmp_path, directory=tmp_path / "sessions")
        session, ctx = await opened(tmp_path, hands, model=big.model, store=store)
        await session.prompt("hello")
        await session.prompt("again")
        result = next(message for message in session.messages if role(message) == "toolResult")
        twin = Store.open(Path(content_text(result.content)))
        assert (twin.header.parent_session, twin.name) == (str(store.path), "twin")
        assert twin.path is not None and store.path is not None and twin.path.parent == store.path.parent
        assert texts(small.asked[0]) == [("user", "hello"), ("user", "go")]
        assert texts(small.asked[1])[-3:] == [("assistant", "mid"), ("user", "again"), ("user", "go")]
        async with await ctx.child(model=ScriptedModel("x").model, save=True) as child:
            await child.run("go")
            assert child.session.store.header.parent_session == str(store.path)
        await session.close()

    asyncio.run(go())


def test_questions_of_its_own_extensions_go_to_the_parents_people_in_its_name(tmp_path: Path):
    def asker(pi: ExtensionAPI) -> None:
        @pi.tool
        async def ask(*, ctx: Ctx) -> str:
            """Ask somebody."""
            ctx.ui.notify("asking")
            ctx.ui.title("mine")
            ctx.ui.working("thinking")
            return f"{ctx.ui.available} {await ctx.ui.input('Who?')}"

        @pi.tool
        async def delegate(*, ctx: Ctx) -> str:
            """Hand it on."""
            async with await ctx.child(model=small.model, tools=["ask"], name="mole") as child:
                return (await child.run("go")).text

    small = ScriptedModel(call("delegate"), call("ask"), "deep", call("ask"), "flat", id="small")
    ui = ScriptedUI("Bob", "Ann")

    async def go() -> None:
        session, ctx = await opened(tmp_path, asker, ui=ui)
        wanted = {"model": small.model, "tools": ["ask", "delegate"]}
        async with await ctx.child(**wanted, name="scout") as child:
            assert (await child.run("go")).text == "flat"
        assert [question.title for question in ui.asked] == ["scout/mole: Who?", "scout: Who?"]
        assert [text for _, text in ui.notices] == ["scout/mole: asking", "scout: asking"]
        assert (ui.title, ui.working) == ("", None)
        assert texts(small.asked[4])[-1] == ("toolResult", "True Ann")
        await session.close()

    asyncio.run(go())


def test_what_is_sent_to_the_project_waits_for_people(tmp_path: Path):
    async def go() -> None:
        session, ctx = await opened(tmp_path)
        ctx.post(tmp_path, "hello", when="next_open")
        small = ScriptedModel("x")
        async with await ctx.child(model=small.model) as child:
            await child.run("go")
        assert texts(small.asked[0]) == [("user", "go")]
        await session.close()

    asyncio.run(go())


def test_a_relative_folder_stays_inside_the_parents(tmp_path: Path):
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()

    async def go() -> None:
        session, ctx = await opened(inside)
        with pytest.raises(PiError, match="outside"):
            await ctx.child(cwd="../out")
        with pytest.raises(PiError, match="no folder"):
            await ctx.child(cwd="nope")
        async with await ctx.child(cwd=outside) as child:
            assert child.session.store.cwd == outside
        await session.close()

    asyncio.run(go())


def test_the_key_of_the_run_goes_to_its_own_provider_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    keys: list[str] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        keys.extend(
            line.split()[-1] for line in head.splitlines() if line.lower().startswith("authorization")
        )
        writer.write(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        await writer.drain()
        writer.close()

    async def go() -> None:
        server = await asyncio.start_server(refuse, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        shape = {"baseUrl": url, "api": "openai-completions"}
        providers = {
            "mine": {**shape, "apiKey": "mine", "models": [{"id": "a"}, {"id": "b"}]},
            "other": {**shape, "apiKey": "theirs", "models": [{"id": "c"}]},
        }
        (tmp_path / "agent").mkdir()
        (tmp_path / "agent" / "models.json").write_text(json.dumps({"providers": providers}))
        session, ctx = await opened(tmp_path, model=ModelChoice("mine/a", api_key="run"))
        for model in (None, "mine/b", "other/c"):
            with pytest.raises(PiError):
                await ctx.complete("go", model=model)
            async with await ctx.child(model=model, extensions=["boss"]) as child:
                assert (await child.run("go")).stop == "error"
                with pytest.raises(PiError):
                    await child.session.extensions.ctx_of("boss").complete("go", model="other/c")
        assert keys == ["run", "run", "theirs", "run", "run", "theirs", "theirs", "theirs", "theirs"]
        with pytest.raises(PiError, match="openai"):
            await ctx.child(model="openai/gpt-4o")
        await session.close()
        server.close()
        await server.wait_closed()

    asyncio.run(go())


def test_what_an_extension_does_wrong_in_a_child_is_told_to_the_parent(tmp_path: Path):
    def clumsy(pi: ExtensionAPI) -> None:
        @pi.on("turn_start")
        def turn(event: Any) -> None:
            raise ValueError("oh")

    async def go() -> None:
        session, ctx = await opened(tmp_path, clumsy)
        async with await ctx.child(
            model=ScriptedModel("x").model, extensions=["clumsy"], name="kid"
        ) as child:
            await child.run("go")
        assert 'Extension "clumsy" failed in turn_start of kid: ValueError: oh' in session.warnings
        await session.close()

    asyncio.run(go())


def test_a_tool_whose_extension_does_not_give_it_to_children_is_named(tmp_path: Path):
    made: list[int] = []

    def once(pi: ExtensionAPI) -> None:
        made.append(1)
        if len(made) == 1:
            pi.tool(only)

    async def only() -> str:
        """Once."""
        return ""

    async def go() -> None:
        session, ctx = await opened(tmp_path, once)
        with pytest.raises(PiError, match="can't have these tools: only"):
            await ctx.child(tools=["only"])
        assert asyncio.all_tasks() == {asyncio.current_task()}
        await session.close()

    asyncio.run(go())


def test_a_tool_that_the_child_has_not_is_not_found(tmp_path: Path):
    small = ScriptedModel(Reply(calls=(ToolCall("1", "nope", {}),)), "ok", id="small")

    async def go() -> None:
        session, ctx = await opened(tmp_path)
        async with await ctx.child(model=small.model) as child:
            await child.run("go")
        assert texts(small.asked[1])[-1] == ("toolResult", "Tool nope not found")
        await session.close()

    asyncio.run(go())
