"""Loading again: nothing of old versions stays behind, and a broken one never replaces a good one."""

import asyncio
import gc
import linecache
import sys
import threading
from pathlib import Path
from typing import Any

from pi.agent import limits
from pi.harness.extensions import loading
from pi.harness.session import Session
from pi.sdk import ExtensionChoice, create_agent_session
from pi.testing import ScriptedModel
from tests.harness.extensions.scenario import programs

BUSY = """
import asyncio, sys, threading
from pi.ext import Ctx

ROUND = {round}
held = [object() for _ in range(100)]


def extension(pi):
    @pi.tool
    async def greet(name: str, *, ctx: Ctx) -> str:
        '''Greet somebody.'''
        return f"Hello {{name}} {{ROUND}}"

    @pi.command("round")
    def tell(args, ctx):
        ctx.ui.notify(str(ROUND))

    pi.flag("loud", False, "Shout")
    pi.gate(lambda event, ctx: None)

    @pi.on("session_start")
    async def start(event, ctx):
        async def program():
            await ctx.exec([sys.executable, "-c", "import time; time.sleep(600)"])

        async def dialog():
            await ctx.ui.input("Name?")

        ctx.task(program())
        ctx.task(dialog())
        ctx.after(600, tell)
        ctx.every(600, tell)

    @pi.on("session_info_changed", limit=None)
    async def hang(event, ctx):
        await asyncio.Event().wait()
"""


class Waiting:
    """A person who never answers."""

    def __getattr__(self, name: str) -> Any:
        if name in ("select", "confirm", "input", "editor", "form", "custom"):

            async def ask(*given: Any) -> None:
                await asyncio.Event().wait()

            return ask
        return {"mode": "sdk", "available": True}.get(name, lambda *given: None)


async def session_of(path: Path, **options: Any) -> Session:
    session = await create_agent_session(
        cwd=path.parent,
        agent_dir=path.parent / "agent",
        model=ScriptedModel(after="Fine").model,
        extensions=ExtensionChoice((str(path),), find=False),
        **options,
    )
    await session.start()
    return session


def counted(session: Session) -> dict[str, Any]:
    """What must not grow."""
    gc.collect()
    return {
        "handlers": session.hooks.count(),
        "tasks": len(asyncio.all_tasks()),
        "threads": threading.active_count(),
        "modules": len(sys.modules),
        "lines": len(linecache.cache),
        "loads": len(loading._loads),  # pyright: ignore[reportPrivateUsage]
        "warnings": session.warnings,
        "problems": session.extensions.problems,
    }


async def settled() -> None:
    """Programs are killed and waited for in the background."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_a_hundred_reloads_leave_nothing_behind(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(limits, "GRACE_S", 5)
    path = tmp_path / "busy.py"
    path.write_text(BUSY.format(round=0))

    async def reload(session: Session, number: int) -> int:
        in_flight = asyncio.ensure_future(session.tree.set_name(str(number)))
        await settled()
        path.write_text(BUSY.format(round=number))
        if number % 2:
            await session.reload()
        else:
            assert await session.extensions.load_now(path)
        await in_flight
        return len(programs())

    async def run() -> None:
        at_first = asyncio.all_tasks()
        session = await session_of(path, ui=Waiting())
        for number in range(10):
            await reload(session, number)
        session.warnings.clear()
        before, objects = counted(session), len(gc.get_objects())
        running = [await reload(session, number) for number in range(10, 110)]
        session.warnings[:] = [text for text in session.warnings if "was cancelled" not in text]
        after = counted(session)
        grown = len(gc.get_objects()) - objects
        assert after == before
        assert max(running) <= 1
        assert grown < 3000  # the session file's own entries; a hundred modules would be 30,000
        await session.prompt("/round")
        await session.close()
        gc.collect()
        await settled()
        assert asyncio.all_tasks() == at_first
        assert session.hooks.count() == 0
        assert not programs()

    asyncio.run(asyncio.wait_for(run(), 100))
    assert not [name for name in sys.modules if name.startswith("_pi_ext_busy")]


def version(number: int) -> str:
    return f"def extension(pi):\n    pi.command('v')(lambda args, ctx: ctx.ui.notify('version {number}'))\n"


async def notices(session: Session) -> list[str]:
    session.extensions.ui.notices.clear()
    await session.prompt("/v")
    return [text for _, text in session.extensions.ui.notices]


def test_a_broken_version_keeps_the_last_good_one_and_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(version(1))

    async def run() -> None:
        session = await session_of(path)
        assert await notices(session) == ["version 1"]
        path.write_text("x = 1\ndef extension(pi:\n")
        await session.reload()
        assert await notices(session) == ["version 1"]
        [broken, kept] = session.warnings
        assert f"({path}, line 2)" in broken and "loaded before stays in use" in kept
        path.write_text("def extension(pi):\n    pi.on('no_such_event')(print)\n")
        assert await session.extensions.load_now(path) is None
        assert await notices(session) == ["version 1"]
        assert f"{path}:2: " in session.warnings[-1]
        path.write_text(version(2))
        await session.reload()
        assert await notices(session) == ["version 2"]
        assert session.extensions.problems == []
        await session.close()

    asyncio.run(asyncio.wait_for(run(), 30))


def test_a_reload_says_each_problem_once(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("1 / 0\n")

    async def run() -> list[str]:
        session = await session_of(path)
        first = list(session.warnings)
        await session.reload()
        await session.close()
        assert len(first) == 1
        return session.warnings[1:]

    [again] = asyncio.run(run())
    assert "ZeroDivisionError" in again


def test_extensions_keep_their_order_when_one_is_loaded_again(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / f"{name}.py").write_text(
            f"def extension(pi):\n"
            f"    pi.on('agent_start')(lambda event, ctx: ctx.ui.notify('{name}'))\n"
            f"    pi.command('late{name}')(lambda args, ctx: pi.on('agent_start')(lambda event: None))\n"
        )

    async def run() -> list[str]:
        session = await create_agent_session(
            cwd=tmp_path,
            agent_dir=tmp_path / "agent",
            model=ScriptedModel(after="Fine").model,
            extensions=ExtensionChoice(("a.py", "b.py", "c.py"), find=False),
        )
        await session.start()
        await session.extensions.load_now(tmp_path / "a.py")
        await session.prompt("/latea")
        (tmp_path / "b.py").write_text("def extension(pi:\n")
        good = (tmp_path / "c.py").read_text()
        (tmp_path / "c.py").write_text(good + "\n")
        await session.reload()
        await session.prompt("hi")
        await session.close()
        return [text for _, text in session.extensions.ui.notices]

    assert asyncio.run(run()) == ["a", "b", "c"]
