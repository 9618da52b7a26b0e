"""Whatever a handler of whatever event does, the session lives on, says who did it, and guards stay shut."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pi.agent import limits
from pi.harness.extensions.answers import Boundary, Data, Note, Sections
from pi.harness.extensions.table import EVENTS
from pi.llm.messages import UserMessage
from pi.sdk import create_agent_session
from tests.harness.extensions.scenario import Life, living, whole_life
from tests.harness.extensions.test_events import NOT_FIRED

Misdeed = Callable[[Any, Any], Any]
FIRED = [name for name in EVENTS if name not in NOT_FIRED]
LEFT = "left behind"
TOLD_EARLY = "project_trust"  # before there is a session that could be told of failures


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise ValueError("no words")


class Liar:
    """Says that it is whatever it is asked about."""

    @property
    def __class__(self) -> Any:
        raise RuntimeError("no class")


def raising(error: BaseException | type[BaseException]) -> Misdeed:
    def misdeed(event: Any, ctx: Any) -> Any:
        raise error

    return misdeed


def later(misdeed: Misdeed) -> Misdeed:
    async def handler(event: Any, ctx: Any) -> Any:
        await asyncio.sleep(0)
        return misdeed(event, ctx)

    return handler


def yielding(event: Any, ctx: Any) -> Iterator[int]:
    yield 1


async def yielding_later(event: Any, ctx: Any) -> Any:
    yield 1


def forgets_to_await(event: Any, ctx: Any) -> Any:
    async def unawaited() -> None: ...

    return unawaited()


async def hangs(event: Any, ctx: Any) -> None:
    await asyncio.Event().wait()


async def refuses_to_end(event: Any, ctx: Any) -> None:
    go_on = asyncio.Event()
    asyncio.get_running_loop().call_later(0.2, go_on.set)
    while not go_on.is_set():
        with contextlib.suppress(asyncio.CancelledError):
            await go_on.wait()


async def cancels_itself(event: Any, ctx: Any) -> None:
    task = asyncio.current_task()
    assert task
    task.cancel()
    await asyncio.sleep(0)


ERRORS = [
    ValueError("bad"),
    KeyError("key"),
    RecursionError,
    MemoryError,
    StopIteration,
    StopAsyncIteration,
    GeneratorExit,
    SystemExit(3),
    asyncio.CancelledError,
    Unspeakable,
    BaseExceptionGroup("several", [SystemExit(1), ValueError()]),
    TimeoutError,
]
FAULTS: dict[str, Misdeed] = {
    **{f"raises {error!r:.30}": raising(error) for error in ERRORS},
    **{f"raises later {error!r:.30}": later(raising(error)) for error in ERRORS},
    "yields": yielding,
    "yields later": yielding_later,
    "forgets to await": later(forgets_to_await),
    "hangs": hangs,
    "refuses to end": refuses_to_end,
    "cancels itself": cancels_itself,
}
SHAPES: dict[str, Any] = {
    "an int": 5,
    "bytes": b"x",
    "an object": object(),
    "a class": Note,
    "a liar": Liar(),
    "a tuple": (1, 2),
    "a note of ints": Note(1, 2),  # type: ignore[arg-type]
    "sections of ints": Sections({"x": 1}),  # type: ignore[dict-item]
    "a boundary of ints": Boundary((1,)),  # type: ignore[arg-type]
    "data that is no JSON": Boundary((Data("x", object()),)),
    "a message of nothing": UserMessage(None, 0),  # type: ignore[arg-type]
    "a list of ints": [1, 2],
    "a dict of ints": {1: 2},
    "a dict of objects": {"x": object()},
    "an event of another": EVENTS["session_start"].payload("startup"),
}
QUIET = {"a list of ints", "a dict of ints", "a dict of objects"}  # may be just what is wanted


def live(folder: Path, *extensions: Callable[[Any, Life], None]) -> Life:
    """A whole life; the session works afterwards."""

    async def run() -> Life:
        async with living(folder, *extensions) as life:
            await whole_life(life)
            settled = life.settled
            await life.session.prompt("still there?")
            assert not life.session.busy
            assert life.settled == settled + 1 or ("fuzz", "input") in {f[:2] for f in life.failures}
        return life

    return asyncio.run(asyncio.wait_for(run(), 60))


def failures(life: Life, name: str) -> list[str]:
    """What was said of an event's handlers."""
    if name == TOLD_EARLY:
        assert life.session.extensions is not None
        return [warning for warning in life.session.warnings if '"fuzz"' in warning and name in warning]
    return [error for extension, event, error in life.failures if (extension, event) == ("fuzz", name)]


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for what ignores its cancellation."""
    monkeypatch.setattr(limits, "GRACE_S", 0.005)


@pytest.mark.parametrize("name", FIRED)
def test_every_fault_of_a_handler_is_reported_and_harms_nobody(tmp_path: Path, name: str) -> None:
    def faulty(pi: Any, life: Life) -> None:
        for misdeed in FAULTS.values():
            pi.on(name, limit=0.01)(misdeed)

    life = live(tmp_path, faulty)

    first_fails_closed = name in ("tool_call", "user_bash")
    assert len(failures(life, name)) >= (1 if first_fails_closed else len(FAULTS))
    assert {event for _, event, _ in life.failures} <= {name}
    assert life.probed == [] if name == "tool_call" else life.probed


@pytest.mark.parametrize("name", FIRED)
def test_every_wrong_answer_is_reported_and_not_used(tmp_path: Path, name: str) -> None:
    wrong = {title: value for title, value in SHAPES.items() if not _fits(name, value)}

    def answering(pi: Any, life: Life) -> None:
        for value in wrong.values():
            pi.on(name)(lambda event, ctx, value=value: value)
            pi.on(name)(later(lambda event, ctx, value=value: value))

    life = live(tmp_path, answering)

    if EVENTS[name].kind == "news":
        assert life.failures == []
    elif name == "tool_call":
        assert len(failures(life, name)) >= 1 and life.probed == []
    elif name == "user_bash":  # the first failure denies
        assert len(failures(life, name)) == 1
    else:
        assert len(failures(life, name)) >= 2 * len(wrong)
    assert {event for _, event, _ in life.failures} <= {name}


def _fits(name: str, value: Any) -> bool:
    """Whether the event takes this, wrong as it looks."""
    from pi.agent.shapes import misfit

    return type(value) in EVENTS[name].answers and misfit(value) is None and type(value) not in (list, dict)


@pytest.mark.parametrize("title", FAULTS)
@pytest.mark.parametrize("kind", ["tool_call", "gate"])
def test_a_guard_that_fails_denies(tmp_path: Path, title: str, kind: str) -> None:
    def faulty(pi: Any, life: Life) -> None:
        if kind == "gate":
            pi.gate(limit=0.01)(FAULTS[title])
        else:
            pi.on(kind, limit=0.01)(FAULTS[title])

    async def run() -> Life:
        async with living(tmp_path, faulty) as life:
            await life.session.prompt("go")
        return life

    life = asyncio.run(asyncio.wait_for(run(), 30))

    assert life.probed == []
    assert [failure[:2] for failure in life.failures if LEFT not in failure[2]] == [("fuzz", kind)]
    denied = next(m for m in life.session.messages if type(m).__name__ == "ToolResultMessage")
    assert denied.is_error and "was denied" in denied.content[0].text


@pytest.mark.parametrize("title", FAULTS)
def test_a_handler_of_the_users_commands_that_fails_denies(tmp_path: Path, title: str) -> None:
    from pi.harness.shell import ShellBlocked

    async def run() -> Life:
        async with living(tmp_path, lambda pi, life: pi.on("user_bash", limit=0.01)(FAULTS[title])) as life:
            await life.session.start()
            with pytest.raises(ShellBlocked, match="was denied"):
                await life.session.shell.run("touch ran")
        return life

    life = asyncio.run(asyncio.wait_for(run(), 30))

    assert [failure[:2] for failure in life.failures if LEFT not in failure[2]] == [("fuzz", "user_bash")]
    assert not list(tmp_path.rglob("ran"))


IN_A_RUN = [
    "before_provider_headers",
    "before_provider_request",
    "after_provider_response",
    "provider_stream_event",
    "message_update",
    "tool_call",
    "tool_result",
]


@pytest.mark.parametrize("name", IN_A_RUN)
@pytest.mark.parametrize("stubborn", [False, True])
def test_an_abort_stops_a_handler_that_has_no_limit(tmp_path: Path, name: str, stubborn: bool) -> None:
    called: list[str] = []

    def hanging(pi: Any, life: Life) -> None:
        @pi.on(name, limit=None)
        async def hang(event: Any, ctx: Any) -> None:
            if not called:
                called.append(name)
                await ctx.abort()
                await (refuses_to_end if stubborn else hangs)(event, ctx)

    async def run() -> Life:
        async with living(tmp_path, hanging) as life:
            await life.session.prompt("go")
            assert (life.settled, life.session.busy) == (1, False)
        return life

    life = asyncio.run(asyncio.wait_for(run(), 30))

    assert [failure for failure in life.failures if LEFT not in failure[2]] == []
    assert life.session.last_message is not None


@pytest.mark.parametrize("name", FIRED)
def test_handlers_may_come_and_go_and_reload_while_they_are_called(tmp_path: Path, name: str) -> None:
    rounds = []

    def restless(pi: Any, life: Life) -> None:
        @pi.on(name, limit=5)
        async def handler(event: Any, ctx: Any) -> None:
            rounds.append(name)
            if len(rounds) > 3:
                return
            pi.on(name)(lambda event, ctx: None)
            pi.command(f"new{len(rounds)}")(lambda args, ctx: None)
            with contextlib.suppress(Exception):
                await ctx.reload()
            if len(rounds) == 3:
                await life.session.extensions.unload("fuzz")

    life = live(tmp_path, restless)

    assert rounds
    assert life.session.hooks.count() == 0
    assert {failure[1] for failure in life.failures} <= {name}


@pytest.mark.parametrize("name", FIRED)
def test_changing_an_event_in_place_harms_nobody(tmp_path: Path, name: str) -> None:
    def spoil(value: Any) -> None:
        if isinstance(value, list):
            value[:] = [object(), 5]
        elif isinstance(value, dict):
            value.clear()
            value[3] = object()

    def spoiling(pi: Any, life: Life) -> None:
        @pi.on(name)
        def handler(event: Any, ctx: Any) -> None:
            for field in getattr(event, "__struct_fields__", ()):
                spoil(getattr(event, field))

    life = live(tmp_path, spoiling)

    assert all(failure[:2] == ("fuzz", name) for failure in life.failures)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.sampled_from(FIRED),
        st.lists(
            st.one_of(
                st.sampled_from(list(FAULTS.values())),
                st.sampled_from([lambda e, c, v=v: v for v in SHAPES.values()]),
            ),
            min_size=1,
            max_size=3,
        ),
        min_size=1,
    )
)
def test_any_mixture_of_misdeeds_leaves_a_session_that_works(
    tmp_path_factory: pytest.TempPathFactory, misdeeds: dict[str, list[Misdeed]]
) -> None:
    def faulty(pi: Any, life: Life) -> None:
        for name, handlers in misdeeds.items():
            for handler in handlers:
                pi.on(name, limit=0.01)(handler)

    life = live(tmp_path_factory.mktemp("life"), faulty)

    assert {event for _, event, _ in life.failures} <= set(misdeeds)


@pytest.mark.parametrize("title", FAULTS)
def test_a_factory_that_misbehaves_is_left_out(tmp_path: Path, title: str) -> None:
    async def run() -> list[str]:
        from pi.sdk import ExtensionChoice
        from pi.testing import ScriptedModel

        def broken(pi: Any) -> Any:
            return FAULTS[title](None, None)

        session = await create_agent_session(
            cwd=tmp_path,
            agent_dir=tmp_path,
            model=ScriptedModel("Fine").model,
            extensions=ExtensionChoice(inline=(broken,), find=False),
        )
        await session.prompt("hi")
        await session.close()
        assert session.last_message is not None and session.last_message.text == "Fine"
        return session.warnings

    from pi.harness.extensions import roster

    patience, roster.LOAD_LIMIT_S = roster.LOAD_LIMIT_S, 0.01
    try:
        [warning] = asyncio.run(asyncio.wait_for(run(), 30))
    finally:
        roster.LOAD_LIMIT_S = patience
    assert '"broken"' in warning
