"""A WebSocket keeps its promises against real peers on loopback whose frames are scripted."""

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from websockets.frames import Close, Frame, Opcode

from pi.llm.errors import TransportError
from pi.llm.messages import AssistantMessage, Usage
from pi.llm.retry import is_transient
from pi.llm.websocket import WebSocket, WebSocketRefused, open_websocket
from pi.platform.errors import ConfigError
from tests.llm import test_http
from tests.llm.socket_host import Peer, Script, run, serving

certificate = test_http.certificate
Use = Callable[[WebSocket], Awaitable[Any]]


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def talk(script: Script, use: Use, **options: Any) -> Any:
    """What `use` makes of a WebSocket to a host that plays the script."""

    async def main() -> Any:
        async with serving(script) as url:
            socket = await open_websocket(url, headers={}, **options)
            try:
                return await use(socket)
            finally:
                socket.close()

    return run(main)


def failure(script: Script, use: Use, **options: Any) -> str:
    """What it says when it fails; the agent asks again after all of these."""
    with pytest.raises(TransportError) as caught:
        talk(script, use, **options)
    text = str(caught.value)
    message = AssistantMessage((), "a", "p", "m", Usage(), "error", 0, error_message=text)
    assert is_transient(message), text
    return text


async def nothing(_: WebSocket) -> None:
    pass


async def one(socket: WebSocket) -> bytes:
    return await socket.receive()


async def two(socket: WebSocket) -> list[bytes]:
    return [await socket.receive(), await socket.receive()]


def test_a_handshake_asks_for_a_websocket_and_says_who_we_are() -> None:
    async def main() -> tuple[str, dict[str, str], dict[str, str]]:
        async def script(peer: Peer) -> None:
            nonlocal asked
            await peer.greet(X_Limit="9")
            asked = peer
            await peer.gone()

        asked: Any = None
        async with serving(script) as url:
            socket = await open_websocket(f"{url}/a/b?c=d", headers={"Authorization": "Bearer k"})
            socket.close()
            return asked.head.split("\r\n")[0], asked.headers, socket.headers

    line, sent, answered = run(main)
    assert line == "GET /a/b?c=d HTTP/1.1"
    assert sent.pop("host").startswith("127.0.0.1:")
    assert sent.pop("user-agent").startswith("pi (")
    assert len(sent.pop("sec-websocket-key")) == 24
    assert sent == {
        "authorization": "Bearer k",
        "upgrade": "websocket",
        "connection": "Upgrade",
        "sec-websocket-version": "13",
    }
    assert answered["x-limit"] == "9"


@pytest.mark.parametrize("step", [1, 3, 1 << 20])
def test_messages_are_whole_however_frames_and_bytes_are_cut(step: int) -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.frames(
            Frame(Opcode.TEXT, "zwölf".encode()[:3], fin=False),
            Frame(Opcode.PING, b"hm"),
            Frame(Opcode.CONT, b"", fin=False),
            Frame(Opcode.CONT, "zwölf".encode()[3:]),
            Frame(Opcode.BINARY, b"bytes"),
            step=step,
        )
        await peer.gone()

    assert talk(script, two) == ["zwölf".encode(), b"bytes"]


def test_what_we_send_arrives() -> None:
    big = {"text": "ä" * 300_000}

    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.say({"heard": await peer.hear() == big})
        await peer.gone()

    async def use(socket: WebSocket) -> Any:
        socket.send(json.dumps(big).encode())
        return json.loads(await socket.receive())

    assert talk(script, use) == {"heard": True}


def test_a_reader_who_lags_gets_every_message() -> None:
    sent = asyncio.Event()
    count, piece = 300, b"x" * 100_000

    async def script(peer: Peer) -> None:
        await peer.greet()
        for number in range(count):
            await peer.say(b"%03d" % number + piece)
            if number == 10:
                sent.set()
        await peer.gone()

    async def use(socket: WebSocket) -> list[bytes]:
        await sent.wait()
        return [await socket.receive() for _ in range(count)]

    assert talk(script, use) == [b"%03d" % number + piece for number in range(count)]


def test_a_message_of_many_megabytes_arrives() -> None:
    big = b"y" * 20_000_000

    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.say(big)
        await peer.gone()

    assert talk(script, one) == big


def test_pings_are_answered_while_nobody_reads() -> None:
    answered = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.frames(Frame(Opcode.PING, b"1"), Frame(Opcode.PING, b"2"))
        assert await peer.ponged(2) == [b"1", b"2"]
        answered.set()
        await peer.gone()

    async def use(_: WebSocket) -> None:
        await answered.wait()

    talk(script, use)


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (401, "", b"no"),
        (426, "Retry-After: 3\r\n", b""),
        (200, "", b"<html>"),
        (302, "location: /x\r\n", b""),
    ],
)
def test_a_refused_handshake_tells_what_the_host_said(status: int, headers: str, body: bytes) -> None:
    async def script(peer: Peer) -> None:
        await peer.refuse(status, body, headers)

    with pytest.raises(WebSocketRefused, match=f"answers {status} to the handshake") as caught:
        talk(script, nothing)
    told = dict([headers.strip().lower().split(": ")]) if headers else {}
    assert caught.value.status == status
    assert caught.value.headers == {**told, "content-length": str(len(body))}
    assert caught.value.body == body


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 101 X\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
        b"HTTP/1.1 101 X\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: no\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"\x16\x03\x01\x00\x01\x02\n\n",
        b"",
        b"HTTP/1.1 101",
    ],
)
def test_what_is_no_handshake_is_a_websocket_error(answer: bytes) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.write(answer)

    assert failure(script, nothing).startswith("WebSocket ")


def test_a_host_that_never_answers_the_handshake_times_out_and_is_left() -> None:
    left = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.gone()
        left.set()

    async def main() -> str:
        async with serving(script) as url:
            with pytest.raises(TransportError) as caught:
                await open_websocket(url, headers={}, timeout_ms=50)
            await left.wait()
            return str(caught.value)

    assert run(main) == "WebSocket connect timeout after 50ms"


def test_silence_ends_the_wait_and_tells_the_host_why() -> None:
    told: list[Close | None] = []

    async def main() -> str:
        ended = asyncio.Event()

        async def script(peer: Peer) -> None:
            await peer.greet()
            await peer.say("first")
            told.append(await peer.gone())
            ended.set()

        async with serving(script) as url:
            socket = await open_websocket(url, headers={})
            assert await socket.receive(5_000) == b'"first"'
            with pytest.raises(TransportError) as caught:
                await socket.receive(50)
            await ended.wait()
            return str(caught.value)

    assert run(main) == "WebSocket idle timeout after 50ms"
    assert told == [Close(1000, "idle_timeout")]


@pytest.mark.parametrize(
    ("code", "reason", "text"),
    [
        (1000, "", "WebSocket closed 1000"),
        (1011, "upstream gone", "WebSocket closed 1011 upstream gone"),
        (1009, "", "WebSocket closed 1009 message too big"),
        (4001, "müde", "WebSocket closed 4001 müde"),
    ],
)
def test_a_host_that_closes_is_heard_out_first(code: int, reason: str, text: str) -> None:
    heard: list[bytes] = []

    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.say("one", "two")
        await peer.goodbye(code, reason)
        await peer.gone()

    async def use(socket: WebSocket) -> None:
        while True:
            heard.append(await socket.receive())

    assert failure(script, use) == text
    assert heard == [b'"one"', b'"two"']


def test_a_host_that_vanishes_in_the_middle_of_a_message_is_an_abnormal_close() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.frames(Frame(Opcode.TEXT, b"half", fin=False))

    assert failure(script, one) == "WebSocket closed 1006"


def test_nothing_can_be_sent_once_the_host_has_closed() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.goodbye(1001, "restart")
        await peer.gone()

    async def use(socket: WebSocket) -> None:
        with pytest.raises(TransportError):
            await socket.receive()
        assert not socket.is_open
        socket.send(b"{}")

    assert failure(script, use) == "WebSocket closed 1001 restart"


@pytest.mark.parametrize(
    ("hostile", "code"),
    [
        (b"\x83\x00", 1002),  # an opcode that is none
        (b"\xc1\x01x", 1002),  # a reserved bit
        (b"\x81\x81\x00\x00\x00\x00x", 1002),  # masked
        (b"\x80\x01x", 1002),  # the continuation of nothing
        (b"\x01\x01x\x81\x01y", 1002),  # a message inside of a message
        (b"\x89\x7e\x00\x80" + b"x" * 128, 1002),  # a control frame that is too long
        (b"\x09\x01x", 1002),  # one in pieces
        (b"\x88\x01x", 1002),  # a close frame with half a code
        (b"\x88\x02\x03\xed", 1002),  # one with a code that may not be sent
        (b"\x81\x7f\x00\x00\x00\x00\x10\x00\x00\x00", 1009),  # 256 MB to come
        (b"\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff", 1009),  # more than there is
    ],
)
def test_a_host_that_breaks_the_rules_is_left_at_once(hostile: bytes, code: int) -> None:
    ends: list[Close | None] = []

    async def main() -> str:
        ended = asyncio.Event()

        async def script(peer: Peer) -> None:
            await peer.greet()
            await peer.write(hostile)
            ends.append(await peer.gone())
            ended.set()

        async with serving(script) as url:
            socket = await open_websocket(url, headers={})
            with pytest.raises(TransportError) as caught:
                await socket.receive()
            await ended.wait()
            return str(caught.value)

    assert run(main).startswith("WebSocket error: the host breaks the protocol (")
    assert [end and end.code for end in ends] == [code]


def test_a_cancelled_reader_who_closes_is_gone_at_once() -> None:
    ends: list[Close | None] = []

    async def main() -> None:
        waiting, ended = asyncio.Event(), asyncio.Event()

        async def script(peer: Peer) -> None:
            await peer.greet()
            ends.append(await peer.gone())
            ended.set()

        async with serving(script) as url:
            socket = await open_websocket(url, headers={})

            async def read() -> None:
                waiting.set()
                try:
                    await socket.receive()
                finally:
                    socket.close()

            task = asyncio.create_task(read())
            await waiting.wait()
            task.cancel()
            await ended.wait()
            assert task.cancelled()

    run(main)
    assert ends == [Close(1000, "done")]


def test_a_cancelled_handshake_leaves_no_socket() -> None:
    async def main() -> None:
        asked, left = asyncio.Event(), asyncio.Event()

        async def script(peer: Peer) -> None:
            await peer.request()
            asked.set()
            await peer.gone()
            left.set()

        async with serving(script) as url:
            task = asyncio.create_task(open_websocket(url, headers={}))
            await asked.wait()
            task.cancel()
            await left.wait()
            await asyncio.gather(task, return_exceptions=True)

    run(main)


def test_forgotten_messages_are_not_read_and_later_ones_are() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.say(b"x" * 2_000_000, "old")
        await peer.hear()
        await peer.say("new")
        await peer.gone()

    async def use(socket: WebSocket) -> bytes:
        assert len(await socket.receive()) == 2_000_000  # the next one came with its end, or comes now
        await socket.receive()
        socket.send(b"1")
        socket.forget()
        return await socket.receive()

    assert talk(script, use) == b'"new"'


def test_a_header_that_http_cannot_carry_is_named_but_its_value_is_not_shown() -> None:
    async def main() -> str:
        with pytest.raises(ConfigError, match="authorization") as caught:
            await open_websocket("http://127.0.0.1:9", headers={"authorization": "sk-1\r\nx: y"})
        return str(caught.value)

    assert "sk-1" not in run(main)


def test_a_secure_one_goes_through_a_tunnel(
    certificate: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    lines: list[str] = []

    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.say(await peer.hear())
        await peer.gone()

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines.extend(line for line in head.lower().split("\r\n") if line.startswith(("connect", "proxy-")))
        host, _, port = head.split()[1].partition(":")
        up_reader, up_writer = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            try:
                while data := await source.read(1 << 16):
                    sink.write(data)
                    await sink.drain()
            except ConnectionError:
                pass
            sink.close()

        await asyncio.gather(pump(reader, up_writer), pump(up_reader, writer))

    async def main() -> bytes:
        middle = await asyncio.start_server(proxy, "127.0.0.1", 0)
        async with serving(script, test_http.server_tls(certificate)) as url, middle:
            via = f"http://me:pw@127.0.0.1:{middle.sockets[0].getsockname()[1]}"
            socket = await open_websocket(url, headers={}, proxy=via)
            socket.send(b'"hello"')
            said = await socket.receive()
            lines.append(url.removeprefix("https://"))
            socket.close()
            return said

    assert run(main) == b'"hello"'
    assert lines == [f"connect {lines[-1]} http/1.1", "proxy-authorization: basic bwu6chc=", lines[-1]]


def test_a_plain_one_asks_the_proxy_for_the_whole_address() -> None:
    seen: list[str] = []

    async def script(peer: Peer) -> None:
        await peer.greet()
        seen.extend((peer.head.split()[1], peer.headers["proxy-authorization"], peer.headers["host"]))
        await peer.say("hi")
        await peer.gone()

    async def main() -> bytes:
        async with serving(script) as url:
            via = url.replace("//", "//me:pw@")
            socket = await open_websocket("http://codex.test/x", headers={}, proxy=via)
            try:
                return await socket.receive()
            finally:
                socket.close()

    assert run(main) == b'"hi"'
    assert seen == ["http://codex.test/x", "Basic bWU6cHc=", "codex.test"]


def test_a_certificate_that_nobody_vouches_for_is_refused(certificate: Any) -> None:
    async def main() -> None:
        context: ssl.SSLContext = test_http.server_tls(certificate)

        async def script(peer: Peer) -> None:
            await peer.greet()

        async with serving(script, context) as url:
            with pytest.raises(TransportError, match="isn't trusted"):
                await open_websocket(url, headers={})

    run(main)
