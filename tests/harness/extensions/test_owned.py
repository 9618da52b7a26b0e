"""What outlives its extension: a stale ctx says so, and nothing that was started stays."""

import asyncio
import contextlib
import gc
import inspect
import sys
import weakref
from pathlib import Path
from typing import Any

import pytest

from pi.agent import limits
from pi.ext import Ctx, Note, StaleContext
from pi.harness.extensions.owned import Owned
from pi.harness.session import Session
from pi.platform.errors import PiError
from pi.sdk import ExtensionChoice, create_agent_session
from pi.testing import ScriptedModel
from tests.harness.extensions.scenario import programs

ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "say": ("hi",),
    "send": (Note("x", "y"),),
    "switch_session": (Path("x"),),
    "fork": ("x",),
    "navigate": ("x",),
    "complete": ("hi",),
    "exec": ([sys.executable, "-c", "1"],),
    "spawn": ([sys.executable, "-c", "1"],),
    "post": ("session", "hi"),
    "after": (1, print),
    "every": (1, print),
    "emit": ("topic",),
}
DIALOGS: dict[str, tuple[Any, ...]] = {
    "select": ("Which?", ["a"]),
    "confirm": ("Sure?",),
    "input": ("Name?",),
    "editor": ("Text?",),
    "form": ("Form", ()),
    "custom": (lambda: None,),
    "notify": ("hi",),
    "status": ("hi",),
    "widget": (["hi"],),
    "title": ("hi",),
}


async def session_of(folder: Path, *extensions: Any, **options: Any) -> Session:
    session = await create_agent_session(
        cwd=folder,
        agent_dir=folder / "agent",
        model=ScriptedModel(after="Fine").model,
        extensions=ExtensionChoice(inline=extensions, find=False),
        **options,
    )
    await session.start()
    return session


async def stale_ctx(folder: Path) -> tuple[Session, Ctx]:
    kept: list[Ctx] = []

    def keeper(pi: Any) -> None:
        pi.on("session_start")(lambda event, ctx: kept.append(ctx))

    session = await session_of(folder, keeper)
    await session.extensions.unload("keeper")
    return session, kept[0]


async def acted(action: Any, *given: Any) -> Any:
    result = action(*given)
    return await result if inspect.isawaitable(result) else result


def test_every_action_of_a_stale_ctx_says_so(tmp_path: Path) -> None:
    async def run() -> None:
        session, ctx = await stale_ctx(tmp_path)
        names = [
            name
            for name, member in inspect.getmembers(Ctx)
            if not name.startswith("_") and callable(member) and name not in {"wait_idle", "child", "task"}
        ]
        for name in names:
            with pytest.raises(StaleContext, match='of extension "keeper" is stale'):
                await acted(getattr(ctx, name), *ARGUMENTS.get(name, ()))
        for name, given in DIALOGS.items():
            with pytest.raises(StaleContext):
                await acted(getattr(ctx.ui, name), *given)
        for action in (
            lambda: ctx.task(asyncio.sleep(0)),
            lambda: ctx.session.append("x"),
            lambda: ctx.session.set_name("x"),
            lambda: ctx.session.set_label("x", "y"),
            lambda: ctx.models.use("m"),
            lambda: ctx.models.think("off"),
            lambda: ctx.tools.use(["bash"]),
            lambda: ctx.tools.call("bash", command="true"),
        ):
            with pytest.raises(StaleContext):
                await acted(action)
        assert issubclass(StaleContext, PiError)
        await session.close()

    asyncio.run(asyncio.wait_for(run(), 30))


def test_a_stale_ctx_in_the_background_is_nobody_s_trouble(tmp_path: Path) -> None:
    go_on = asyncio.Event()

    def lasting(pi: Any) -> None:
        @pi.on("session_start")
        async def start(event: Any, ctx: Ctx) -> None:
            async def work() -> None:
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.Event().wait()
                ctx.ui.notify("too late")

            ctx.task(work())
            await asyncio.sleep(0)

    async def run() -> Session:
        session = await session_of(tmp_path, lasting)
        await session.extensions.unload("lasting")
        await session.close()
        return session

    session = asyncio.run(asyncio.wait_for(run(), 30))
    assert session.warnings == [] and not go_on.is_set()


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for programs in /proc")
def test_unloading_leaves_no_task_handler_module_or_program(tmp_path: Path) -> None:
    path = tmp_path / "busy.py"
    path.write_text(
        "import asyncio, sys\n"
        "def extension(pi):\n"
        "    @pi.on('agent_start', limit=None)\n"
        "    async def start(event, ctx):\n"
        "        code = 'import os, time; print(os.getpid(), flush=True); time.sleep(600)'\n"
        "        ctx.task(ctx.exec([sys.executable, '-c', code + ' # background']))\n"
        "        ctx.every(0.001, lambda: None)\n"
        "        pi.started.set()\n"
        "        await ctx.exec([sys.executable, '-c', code])\n"
    )

    async def run() -> tuple[Session, weakref.ref[Any]]:
        at_first = asyncio.all_tasks()
        session = await create_agent_session(
            cwd=tmp_path,
            agent_dir=tmp_path / "agent",
            model=ScriptedModel(after="Fine").model,
            extensions=ExtensionChoice((str(path),), find=False),
        )
        await session.start()
        extension = session.extensions.roster.get("busy")
        extension.api.started = asyncio.Event()
        module = weakref.ref(extension.loaded.module)
        prompted = asyncio.create_task(session.prompt("hi"))
        await extension.api.started.wait()
        while len(programs()) < 2:
            await asyncio.sleep(0.001)
        del extension
        await session.extensions.unload("busy")
        await prompted
        assert session.last_message is not None and session.last_message.text == "Fine"
        assert session.hooks.count() == 0 and not programs()
        await session.close()
        assert asyncio.all_tasks() == at_first
        return session, module

    _, module = asyncio.run(asyncio.wait_for(run(), 60))
    gc.collect()
    assert module() is None
    assert not [name for name in sys.modules if name.startswith("_pi_ext_busy")]


def test_a_handler_that_never_ends_doesn_t_hold_up_the_end(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("pi.harness.extensions.containing.SHUTDOWN_LIMIT_S", 0.01)
    monkeypatch.setattr(limits, "GRACE_S", 0.01)
    go_on = asyncio.Event()

    def endless(pi: Any) -> None:
        @pi.on("session_shutdown", limit=None)
        async def never(event: Any, ctx: Any) -> None:
            while not go_on.is_set():
                with contextlib.suppress(asyncio.CancelledError):
                    await go_on.wait()

        @pi.on("session_start")
        def start(event: Any, ctx: Ctx) -> None:
            ctx.task(never(None, None), "stubborn")

    async def run() -> Session:
        session = await session_of(tmp_path, endless)
        await asyncio.sleep(0)
        await session.close()
        go_on.set()
        await asyncio.sleep(0)
        return session

    session = asyncio.run(asyncio.wait_for(run(), 10))
    assert sorted(text.partition(": ")[0] for text in session.warnings) == [
        'Extension "endless" failed in session_shutdown',  # it took too long
        'Extension "endless" failed in session_shutdown',  # and was left behind
        'Extension "endless" failed in stubborn',
    ]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("bad"), "ValueError: bad"),
        (SystemExit(2), "it called sys.exit(2)"),
        (GeneratorExit(), "GeneratorExit()"),
        (BaseExceptionGroup("two", [SystemExit(1)]), "BaseExceptionGroup: two (1 sub-exception)"),
    ],
)
def test_what_goes_wrong_in_the_background_is_reported(error: BaseException, said: str) -> None:
    reports: list[tuple[str, str]] = []

    async def run() -> None:
        owned = Owned(lambda name, text: reports.append((name, text)))

        async def work() -> None:
            raise error

        await owned.task(work(), "work")
        assert len(owned) == 0

    asyncio.run(run())
    assert reports == [("work", said)]


def test_a_timer_goes_on_after_a_call_that_failed() -> None:
    calls: list[int] = []
    reports: list[str] = []

    async def run() -> None:
        owned = Owned(lambda name, text: reports.append(text))
        third = asyncio.Event()

        def tick() -> None:
            calls.append(len(calls))
            if len(calls) == 3:
                third.set()
            raise ValueError(len(calls))

        owned.every(0, tick, "timer")
        await third.wait()
        await owned.stop()

    asyncio.run(asyncio.wait_for(run(), 10))
    assert reports[:3] == ["ValueError: 1", "ValueError: 2", "ValueError: 3"]


def test_work_that_is_cancelled_before_it_begins_leaves_no_warning() -> None:
    async def run() -> None:
        owned = Owned(lambda name, text: None)
        owned.task(asyncio.sleep(600), "work")
        await owned.stop()

    asyncio.run(run())
    gc.collect()
