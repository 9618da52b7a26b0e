"""Which WebSockets are kept, for how long, and what a session finds on them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.frames import Close

from pi.llm.websocket import WebSocket, open_websocket
from pi.llm.websocket_pool import LinePool, line_pool
from tests.llm.socket_host import Peer, run, serving


class Host:
    """Answers each message with the number of its connection; `ends` is how each was closed."""

    def __init__(self) -> None:
        self.ends: dict[int, Close | None] = {}
        self.ended = asyncio.Condition()

    async def script(self, peer: Peer) -> None:
        await peer.greet()
        while await peer.hear():
            await peer.say(peer.number)
        async with self.ended:
            self.ends[peer.number] = peer.closed
            self.ended.notify_all()

    async def all_ended(self, count: int) -> None:
        async with self.ended:
            await self.ended.wait_for(lambda: len(self.ends) == count)


@asynccontextmanager
async def hosted() -> AsyncIterator[tuple[Host, Callable[[], Awaitable[WebSocket]]]]:
    host = Host()
    async with serving(host.script) as url:
        yield host, lambda: open_websocket(url, headers={})


async def ask(
    pool: LinePool, key: Any, connect: Callable[[], Awaitable[WebSocket]]
) -> tuple[bytes, bool, Any]:
    """The connection's number, whether it was used before, and what was found on it."""
    async with pool.line(key, connect) as line:
        line.socket.send(b"1")
        found, line.memory = line.memory, f"left by {key}"
        return await line.socket.receive(), line.reused, found


def test_a_session_finds_its_connection_and_what_it_left_there() -> None:
    async def main() -> Any:
        pool = await line_pool()
        async with hosted() as (_, connect):
            return [await ask(pool, key, connect) for key in ("a", "b", "a", "b")]

    assert run(main) == [
        (b"1", False, None),
        (b"2", False, None),
        (b"1", True, "left by a"),
        (b"2", True, "left by b"),
    ]


def test_without_a_session_each_request_has_its_own_which_is_closed_afterwards() -> None:
    async def main() -> Any:
        pool = await line_pool()
        async with hosted() as (host, connect):
            seen = [await ask(pool, None, connect) for _ in range(2)]
            await host.all_ended(2)
            return seen, host.ends

    seen, ends = run(main)
    assert seen == [(b"1", False, None), (b"2", False, None)]
    assert ends == {1: Close(1000, "done"), 2: Close(1000, "done")}


def test_after_a_failure_the_next_request_starts_on_a_new_one() -> None:
    async def main() -> Any:
        pool = await line_pool()
        async with hosted() as (host, connect):
            with pytest.raises(LookupError):
                async with pool.line("a", connect):
                    raise LookupError
            await host.all_ended(1)
            return await ask(pool, "a", connect)

    assert run(main) == (b"2", False, None)


def test_two_requests_at_a_time_have_one_each_and_the_later_end_is_kept() -> None:
    async def main() -> Any:
        pool = await line_pool()
        async with hosted() as (host, connect):
            async with pool.line("a", connect) as line:
                inner = await ask(pool, "a", connect)
                line.memory = "outer"
            await host.all_ended(1)
            return inner, list(host.ends), await ask(pool, "a", connect)

    assert run(main) == ((b"2", False, None), [2], (b"1", True, "outer"))


def test_an_idle_one_is_closed_in_time() -> None:
    async def main() -> Any:
        pool = LinePool(asyncio.get_running_loop(), idle_s=0.01)
        async with hosted() as (host, connect):
            await ask(pool, "a", connect)
            await host.all_ended(1)
            return host.ends, await ask(LinePool(asyncio.get_running_loop(), idle_s=0), None, connect)

    assert run(main) == ({1: Close(1000, "idle_timeout")}, (b"2", False, None))


def test_one_that_is_too_old_is_replaced() -> None:
    async def main() -> Any:
        pool = LinePool(asyncio.get_running_loop(), age_s=0)
        async with hosted() as (host, connect):
            await ask(pool, "a", connect)
            second = await ask(pool, None, connect), await ask(pool, "a", connect)
            await host.all_ended(2)
            ends = dict(host.ends)
            async with pool.line("a", connect) as line:  # and leave none behind
                line.socket.close()
            return second, ends

    second, ends = run(main)
    assert second == ((b"2", False, None), (b"3", False, None))
    assert ends == {1: Close(1000, "connection_age_limit"), 2: Close(1000, "done")}


def test_one_that_the_host_has_closed_is_replaced() -> None:
    async def main() -> Any:
        pool = await line_pool()
        closing = asyncio.Event()

        async def script(peer: Peer) -> None:
            await peer.greet()
            while await peer.hear():
                await peer.say(peer.number)
                if peer.number == 1:
                    await closing.wait()
                    await peer.goodbye(1001)
                    return

        async with serving(script) as url:
            sockets: list[WebSocket] = []

            async def connect() -> WebSocket:
                sockets.append(await open_websocket(url, headers={}))
                return sockets[-1]

            first = await ask(pool, "a", connect)
            closing.set()
            with pytest.raises(Exception, match="WebSocket closed 1001"):
                await sockets[0].receive()
            return first, await ask(pool, "a", connect)

    assert run(main) == ((b"1", False, None), (b"2", False, None))


def test_what_comes_unasked_is_not_the_next_requests_answer() -> None:
    async def main() -> Any:
        pool = await line_pool()

        async def script(peer: Peer) -> None:
            await peer.greet()
            await peer.hear()
            await peer.say("first", "late")
            await peer.hear()
            await peer.say("second")
            await peer.gone()

        async def connect() -> WebSocket:
            return await open_websocket(url, headers={})

        async with serving(script) as url:
            return [(await ask(pool, "a", connect))[0] for _ in range(2)]

    assert run(main) == [b'"first"', b'"second"']


def test_the_loops_end_closes_what_was_kept() -> None:
    async def main() -> None:
        pool = await line_pool()
        assert pool is await line_pool()
        async with hosted() as (_, connect):
            await ask(pool, "a", connect)

    run(main)  # a socket that stays open warns, and warnings are errors
