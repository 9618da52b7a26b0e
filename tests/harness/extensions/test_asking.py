"""`ctx.complete`: one answer beside the conversation, typed, counted, routed, cut short."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
from msgspec import Struct

from pi.ext import Ctx, ExtensionAPI, Image, PiError, Route, RouteRequest, Text, UserMessage
from pi.harness.extensions.asking import model_for
from pi.harness.session import Session
from pi.harness.stats import stats_of
from pi.harness.storage.entries import UsageEntry
from pi.llm.messages import content_text
from pi.llm.models import ModelCost
from pi.sdk import ExtensionChoice, create_agent_session
from pi.testing import Reply, ScriptedModel


def asker(pi: ExtensionAPI) -> None:
    pass


async def opened(
    tmp_path: Path, model: ScriptedModel, extension: Callable[[ExtensionAPI], None] = asker
) -> tuple[Session, Ctx]:
    choice = ExtensionChoice(inline=(extension,), find=False)
    session = await create_agent_session(
        cwd=tmp_path, agent_dir=tmp_path / "agent", model=model.model, extensions=choice
    )
    await session.start()
    return session, session.extensions.ctx_of(extension.__name__)


def usages(session: Session) -> list[tuple[str, str, int]]:
    entries = [entry for entry in session.store.entries() if isinstance(entry, UsageEntry)]
    return [(entry.kind, entry.model, entry.usage.total_tokens) for entry in entries]


def test_an_answer_comes_from_the_sessions_model_and_is_counted_but_not_said(tmp_path: Path):
    model = ScriptedModel("Paris", cost=ModelCost(input=1000.0, output=0.0))

    async def go() -> None:
        session, ctx = await opened(tmp_path, model)
        answer = await ctx.complete("Capital?", system="Be brief.", max_tokens=9)
        assert answer.text == "Paris"
        asked = model.asked[0]
        assert (asked.context.system, asked.context.tools) == ("Be brief.", ())
        assert (len(asked.context.messages), asked.options.max_tokens) == (1, 9)
        assert usages(session) == [("extension", "scripted", 120)]
        assert stats_of(session).cost == pytest.approx(0.1)
        assert session.messages == ()
        await session.close()

    asyncio.run(go())


class Point(Struct):
    x: int


@pytest.mark.parametrize(
    ("kind", "replies", "value"),
    [(Point, ["x is 1", '{"x": 1}'], Point(1)), (Literal["yes", "no"], ["no"], "no"), (int, ["7"], 7)],
)
def test_an_answer_that_does_not_fit_is_asked_for_again(
    tmp_path: Path, kind: Any, replies: list[str], value: Any
):
    model = ScriptedModel(*replies)

    async def go() -> None:
        session, ctx = await opened(tmp_path, model)
        assert await ctx.complete("Which?", output=kind) == value
        assert "fits this schema" in model.asked[0].context.system
        assert len(usages(session)) == len(replies)
        await session.close()

    asyncio.run(go())


def test_three_answers_that_do_not_fit_are_an_error_and_paid_for(tmp_path: Path):
    model = ScriptedModel(after="no idea")

    async def go() -> None:
        session, ctx = await opened(tmp_path, model)
        with pytest.raises(PiError, match="no answer of the wanted type in 3 tries"):
            await ctx.complete("Which?", output=Point)
        assert [content_text(message.content) for message in model.asked[2].context.messages][-2] == "no idea"
        assert len(usages(session)) == 3
        await session.close()

    asyncio.run(go())


def test_pieces_of_text_are_heard_as_they_come(tmp_path: Path):
    async def go() -> None:
        session, ctx = await opened(tmp_path, ScriptedModel(Reply("a long answer " * 20, thinking="hm")))
        pieces: list[str] = []

        async def hear(piece: str) -> None:
            pieces.append(piece)

        answer = await ctx.complete("Go", on_text=hear)
        assert len(pieces) > 1
        assert "".join(pieces) == answer.text
        await session.close()

    asyncio.run(go())


def test_cancelling_ends_the_request_at_once(tmp_path: Path):
    async def go() -> None:
        session, ctx = await opened(tmp_path, ScriptedModel(Reply("half", hang=True)))
        begun = asyncio.Event()
        asking = asyncio.create_task(ctx.complete("Go", on_text=lambda piece: begun.set()))
        await begun.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert asyncio.all_tasks() == {asyncio.current_task()}
        await session.close()

    asyncio.run(go())


def test_a_failed_answer_is_an_error_and_counted(tmp_path: Path):
    async def go() -> None:
        session, ctx = await opened(tmp_path, ScriptedModel(Reply("half", error="no such model")))
        with pytest.raises(PiError, match="no such model"):
            await ctx.complete("Go")
        assert usages(session) == [("extension", "scripted", 120)]
        await session.close()

    asyncio.run(go())


def test_a_model_is_named_by_a_pattern_with_a_level_and_needs_a_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    async def go() -> None:
        session, ctx = await opened(tmp_path, ScriptedModel("x"))
        chosen = model_for(session, "openai/gpt-5:low")
        assert (chosen.model.ref, chosen.thinking) == ("openai/gpt-5", "low")
        with pytest.raises(PiError, match=r"(?i)key.*openai|openai.*key"):
            await ctx.complete("Go", model="openai/gpt-5")
        with pytest.raises(PiError, match="nobody/nothing"):
            await ctx.complete("Go", model="nobody/nothing")
        await session.close()

    asyncio.run(go())


def test_a_virtual_model_is_routed_with_the_reason_direct(tmp_path: Path):
    real = ScriptedModel("routed", "again", id="real")
    reasons: list[str] = []

    def router(pi: ExtensionAPI) -> None:
        @pi.virtual_model("auto/best")
        def best(request: RouteRequest, ctx: Ctx) -> Route:
            reasons.append(request.reason)
            return Route(real.model, "off")

    async def go() -> None:
        session, ctx = await opened(tmp_path, ScriptedModel(), router)
        assert (await ctx.complete("Go", model="auto/best")).text == "routed"
        async with await ctx.child(model="auto/best") as child:
            assert (await child.run("Go")).text == "again"
        assert reasons == ["direct", "user"]
        assert usages(session) == [("extension", "real", 120), ("child", "real", 120)]
        await session.close()

    asyncio.run(go())


def test_images_stay_here_if_the_user_wants_that(tmp_path: Path):
    model = ScriptedModel("x")
    (tmp_path / "agent").mkdir()
    (tmp_path / "agent" / "settings.json").write_text('{"images": {"blockImages": true}}')

    async def go() -> None:
        session, ctx = await opened(tmp_path, model)
        await ctx.complete([UserMessage((Text("See"), Image("AAAA", "image/png")), 0)])
        assert not any(isinstance(block, Image) for block in model.asked[0].context.messages[0].content)
        await session.close()

    asyncio.run(go())


def test_a_listener_that_fails_ends_the_request(tmp_path: Path):
    async def go() -> None:
        session, ctx = await opened(tmp_path, ScriptedModel(Reply("half", hang=True)))

        def hear(piece: str) -> None:
            raise LookupError(piece)

        with pytest.raises(LookupError, match="half"):
            await ctx.complete("Go", on_text=hear)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        await session.close()

    asyncio.run(go())
