"""The redirect's end on loopback waits for its own code and for nothing else, and leaves nothing behind."""

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest

from pi.llm.http import request
from pi.llm.oauth import Callback, Code, OAuthError, callback_server
from pi.platform.errors import PiError

STATE = "the-state"
PATIENCE_S = 10


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(PATIENCE_S):
            await test()

    asyncio.run(limited())


async def visit(url: str, method: str = "GET", **headers: str) -> tuple[int, str]:
    async with request(method, url, headers=headers) as response:
        return response.status, (await response.read()).decode()


def test_the_browsers_code_arrives_and_it_sees_a_page() -> None:
    async def test() -> None:
        async with callback_server(STATE, path="/auth/callback") as callback:
            assert callback.redirect_uri.startswith("http://127.0.0.1:")
            assert callback.redirect_uri.endswith("/auth/callback")
            status, page = await visit(f"{callback.redirect_uri}?code=c%2B1&state={STATE}&iss=i")
            assert await callback.code() == Code("c+1", STATE, "i")
        assert status == 200
        assert "You are logged in" in page
        assert "c+1" not in page
        assert STATE not in page

    run(test)


def test_strangers_are_turned_away_and_the_wait_goes_on() -> None:
    async def test() -> None:
        async with callback_server(STATE) as callback:
            waiting = asyncio.create_task(callback.code())
            base = callback.redirect_uri.removesuffix("/callback")
            ours = f"{callback.redirect_uri}?code=c&state={STATE}"
            strangers = [
                await visit(f"{base}/favicon.ico"),
                await visit(f"{base}/?code=evil&state={STATE}"),
                await visit(f"{base}/callback?code=evil&state=other"),
                await visit(f"{base}/callback?code=evil&state=%ff%F0%9F%98%80"),
                await visit(f"{base}/callback?code=evil"),
                await visit(f"{base}/callback?error=access_denied"),
                await visit(f"{base}/callback?state={STATE}"),
                await visit(ours, "POST"),
            ]
            assert [status for status, _ in strangers] == [404, 404, 400, 400, 400, 400, 400, 405]
            assert not any("evil" in page for _, page in strangers)
            assert not waiting.done()
            await visit(ours)
            assert await waiting == Code("c", STATE)

    run(test)


def test_a_look_ahead_does_not_use_the_code_up() -> None:
    async def test() -> None:
        async with callback_server(STATE) as callback:
            url = f"{callback.redirect_uri}?code=c&state={STATE}"
            async with request("HEAD", url, headers={}) as response:
                assert response.status == 405
            assert (await visit(url))[0] == 200

    run(test)


def test_a_refusal_ends_the_wait_and_its_page_is_escaped() -> None:
    async def test() -> None:
        async with callback_server(STATE) as callback:
            query = f"error=access_denied&error_description=%3Cscript%3Eno&state={STATE}"
            status, page = await visit(f"{callback.redirect_uri}?{query}")
            assert status == 400
            assert "&lt;script&gt;no (access_denied)" in page
            assert "<script" not in page
            with pytest.raises(OAuthError) as caught:
                await callback.code()
            assert caught.value.code == "access_denied"

    run(test)


def test_a_refusal_after_the_wait_changes_nothing() -> None:
    async def test() -> None:
        async with callback_server(STATE) as callback:
            await visit(f"{callback.redirect_uri}?code=c&state={STATE}")
            await visit(f"{callback.redirect_uri}?error=access_denied&state={STATE}")
            assert await callback.code() == Code("c", STATE)

    run(test)


def test_the_page_loads_nothing_and_tells_no_one_its_address() -> None:
    async def test() -> None:
        async with (
            callback_server(STATE) as callback,
            request("GET", callback.redirect_uri, headers={}) as response,
        ):
            await response.read()
            assert response.headers["content-security-policy"].startswith("default-src 'none'")
            assert response.headers["referrer-policy"] == "no-referrer"
            assert response.headers["cache-control"] == "no-store"

    run(test)


@pytest.mark.parametrize(
    "sent",
    [
        b"GET",
        b"\x16\x03\x01 hello\r\n\r\n",
        b"GET /callback HTTP/1.1\r\nx: " + b"x" * 100_000,
        b"GET /callback HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
    ],
)
def test_no_bytes_disturb_it(sent: bytes) -> None:
    async def test() -> None:
        async with callback_server(STATE) as callback:
            port = int(callback.redirect_uri.split(":")[2].split("/")[0])
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(sent)
            await visit(f"{callback.redirect_uri}?code=c&state={STATE}")
            assert await callback.code() == Code("c", STATE)
        try:
            await reader.read()  # the connection ends with the login
        except ConnectionError:
            pass
        writer.close()

    run(test)


def test_the_port_is_free_again_whatever_happened() -> None:
    async def use(port: int) -> int:
        async with callback_server(STATE, port=port) as callback:
            asyncio.get_running_loop().call_soon(asyncio.current_task().cancel)  # type: ignore[union-attr]
            with pytest.raises(asyncio.CancelledError):
                await callback.code()
            asyncio.current_task().uncancel()  # type: ignore[union-attr]
            await visit(f"{callback.redirect_uri}?code=c&state={STATE}")
            return int(callback.redirect_uri.split(":")[2].split("/")[0])

    async def test() -> None:
        port = await use(0)
        assert [await use(port), await use(port)] == [port, port]

    run(test)


def test_a_wait_ends_in_time() -> None:
    async def test() -> None:
        async with callback_server(STATE) as callback:
            with pytest.raises(OAuthError, match="Start the login again") as caught:
                await callback.code(timeout_ms=1)
            assert caught.value.code == "login_timeout"

    run(test)


def test_a_port_in_use_says_what_to_do_and_leaves_pasting() -> None:
    async def paste(_: str) -> str:
        return "c"

    async def test() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(PiError, match=rf"on port {port}: .+\. End the program"):
                async with callback_server(STATE, port=port):
                    pass
            async with callback_server(STATE, port=port, must_listen=False) as callback:
                assert (callback.listening, callback.redirect_uri) == (
                    False,
                    f"http://127.0.0.1:{port}/callback",
                )
                assert await callback.code(paste=paste) == Code("c")

    run(test)


def test_a_stranger_on_the_other_loopback_address_is_not_given_codes() -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")

    async def test() -> None:
        with socket.socket(socket.AF_INET6) as taken:
            taken.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            taken.bind(("::1", 0))
            taken.listen()
            with pytest.raises(PiError, match="can't wait for the browser"):
                async with callback_server(STATE, port=taken.getsockname()[1], redirect_host="localhost"):
                    pass

    run(test)


def test_localhost_works_over_both_addresses() -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")

    async def test() -> None:
        async with callback_server(STATE, redirect_host="localhost") as callback:
            url = callback.redirect_uri
            assert url.startswith("http://localhost:")
            for host in ("127.0.0.1", "[::1]"):
                assert (await visit(url.replace("localhost", host)))[0] == 400

    run(test)


def test_people_are_asked_again_until_they_paste_a_code() -> None:
    texts = [
        "",
        "http://localhost/callback?code=c&state=other",
        f"http://localhost/callback?code=c&state={STATE}",
    ]
    faults: list[str] = []

    async def paste(fault: str) -> str:
        faults.append(fault.partition(".")[0])
        return texts[len(faults) - 1]

    async def test() -> None:
        async with callback_server(STATE) as callback:
            assert await callback.code(paste=paste) == Code("c", STATE)
        assert faults == ["", "That was empty", "That address belongs to another login"]

    run(test)


def test_the_browser_ends_the_question() -> None:
    async def test() -> None:
        ended = asyncio.Event()
        asked: asyncio.Future[Callback] = asyncio.get_running_loop().create_future()

        async def paste(_: str) -> str:
            asked.set_result(callback)
            try:
                return await asyncio.Future()
            finally:
                ended.set()

        async with callback_server(STATE) as callback:
            waiting = asyncio.create_task(callback.code(paste=paste))
            await asked
            await visit(f"{callback.redirect_uri}?code=c&state={STATE}")
            assert await waiting == Code("c", STATE)
            assert ended.is_set()

    run(test)


def test_without_anybody_to_paste_only_the_browser_counts() -> None:
    async def nobody(_: str) -> None:
        return None

    async def test() -> None:
        async with callback_server(STATE) as callback:
            waiting = asyncio.create_task(callback.code(paste=nobody))
            await visit(f"{callback.redirect_uri}?code=c&state={STATE}")
            assert await waiting == Code("c", STATE)

    run(test)


def test_a_question_that_fails_ends_the_wait() -> None:
    async def paste(_: str) -> str:
        raise EOFError("closed")

    async def test() -> None:
        async with callback_server(STATE) as callback:
            with pytest.raises(EOFError):
                await callback.code(paste=paste)

    run(test)
