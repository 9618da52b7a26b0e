"""The wire keeps its promises against real servers on loopback whose bytes are scripted."""

import asyncio
import errno
import gc
import os
import shutil
import socket
import ssl
import struct
import subprocess
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pi.llm.errors import TransportError
from pi.llm.http import Response, post_json, request
from pi.llm.messages import AssistantMessage, Usage
from pi.llm.options import StreamOptions
from pi.llm.retry import is_transient
from pi.platform.errors import ConfigError

OK = b"HTTP/1.1 200 OK\r\n"
HELLO = OK + b"content-length: 5\r\n\r\nhello"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"
PATIENCE_S = 10


class Peer:
    """One accepted connection, as a script sees it."""

    def __init__(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self.number = number
        self.reader = reader
        self.writer = writer

    async def request(self) -> bytes:
        head = await self.reader.readuntil(b"\r\n\r\n")
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                head += await self.reader.readexactly(int(line.partition(b":")[2]))
        return head

    async def send(self, data: bytes, *, step: int = 1 << 20) -> None:
        for at in range(0, len(data), step):
            self.writer.write(data[at : at + step])
            await self.writer.drain()

    async def gone(self) -> None:
        """Until the client has closed its end."""
        try:
            while await self.reader.read(1 << 16):
                pass
        except ConnectionError:
            pass

    def reset(self) -> None:
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Script = Callable[[Peer], Awaitable[None]]


@asynccontextmanager
async def serving(script: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    tasks: set[asyncio.Task[None]] = set()
    count = 0

    async def serve(peer: Peer) -> None:
        try:
            await script(peer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            peer.writer.transport.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1
        tasks.add(asyncio.create_task(serve(Peer(count, reader, writer))))

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        for end in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(end, Exception):
                raise end


def play(*pieces: bytes, keep: bool = False) -> Script:
    """Answer each request with the pieces; then close, unless `keep`."""

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            for piece in pieces:
                await peer.send(piece)
            if not keep:
                return

    return script


def run(main: Callable[[], Awaitable[Any]]) -> Any:
    async def limited() -> Any:
        return await asyncio.wait_for(main(), PATIENCE_S)

    result = asyncio.run(limited())
    gc.collect()  # a socket that nobody closed would warn now, and warnings are errors
    return result


def fetch(script: Script, **options: Any) -> tuple[int, bytes]:
    """Status and body of one GET."""

    async def main() -> tuple[int, bytes]:
        async with serving(script) as url, request("GET", url, headers={}, **options) as response:
            return response.status, await response.read()

    return run(main)


def failure(script: Script, **options: Any) -> str:
    """What a GET says when it fails; the agent asks again after all of these."""
    with pytest.raises(TransportError) as caught:
        fetch(script, **options)
    text = str(caught.value)
    message = AssistantMessage((), "a", "p", "m", Usage(), "error", 0, error_message=text)
    assert is_transient(message)
    return text


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


# --- framing


def test_a_request_is_plain_http_1_1() -> None:
    async def main() -> bytes:
        seen: list[bytes] = []

        async def script(peer: Peer) -> None:
            seen.append(await peer.request())
            await peer.send(HELLO)

        async with serving(script) as url:
            headers = {"X-Key": " kept ", "User-Agent": "me"}
            async with request("POST", f"{url}/a?b=c", headers=headers, body=b"{}") as response:
                await response.read()
            return seen[0].replace(url.removeprefix("http://").encode(), b"HOST")

    assert run(main) == (
        b"POST /a?b=c HTTP/1.1\r\nhost: HOST\r\nuser-agent: me\r\naccept-encoding: identity\r\n"
        b"x-key: kept\r\ncontent-length: 2\r\n\r\n{}"
    )


@pytest.mark.parametrize("step", [1, 2, 7, 1 << 20])
@pytest.mark.parametrize(
    "answer",
    [
        HELLO,
        CHUNKED + b"2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nx-trailer: 1\r\n\r\n",
        OK + b"\r\nhello",
        b"HTTP/1.0 200 OK\r\n\r\nhello",
        b"HTTP/1.1 100 Continue\r\nx: y\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n" + HELLO,
        HELLO + b"HTTP/1.1 500 Unasked\r\ncontent-length: 3\r\n\r\nbad",
    ],
    ids=["length", "chunked", "until close", "1.0", "1xx", "unasked second answer"],
)
def test_every_framing_gives_the_same_body_wherever_it_is_cut(answer: bytes, step: int) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(answer, step=step)

    assert fetch(script) == (200, b"hello")


def test_header_names_are_lower_case_and_repeated_ones_joined() -> None:
    async def main() -> tuple[int, dict[str, str]]:
        answer = b"HTTP/1.1 429 Slow\r\nRetry-After: 4\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 0\r\n\r\n"
        async with serving(play(answer)) as url, request("GET", url, headers={}) as response:
            return response.status, response.headers

    assert run(main) == (429, {"retry-after": "4", "x-a": "1, 2", "content-length": "0"})


def test_a_redirect_is_an_answer_and_nothing_is_sent_after_it() -> None:
    answer = b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n"
    assert fetch(play(answer)) == (302, b"")


def test_an_answer_to_head_has_no_body() -> None:
    async def main() -> bytes:
        answer = OK + b"content-length: 5\r\n\r\n"
        async with serving(play(answer, keep=True)) as url, request("HEAD", url, headers={}) as response:
            return await response.read()

    assert run(main) == b""


def test_pieces_come_as_they_arrive() -> None:
    async def main() -> list[bytes]:
        told = asyncio.Event()

        async def script(peer: Peer) -> None:
            await peer.request()
            await peer.send(CHUNKED + b"3\r\none\r\n")
            await told.wait()
            await peer.send(b"3\r\ntwo\r\n0\r\n\r\n")

        pieces: list[bytes] = []
        async with serving(script) as url, request("GET", url, headers={}) as response:
            async for piece in response.chunks():
                pieces.append(piece)
                told.set()
        return pieces

    assert run(main) == [b"one", b"two"]


def test_a_reader_who_lags_gets_every_byte() -> None:
    body = os.urandom(1 << 16) * 128

    async def main() -> bytes:
        answer = OK + b"content-length: %d\r\n\r\n" % len(body)
        async with serving(play(answer, body)) as url, request("GET", url, headers={}) as response:
            received = bytearray()
            async for piece in response.chunks():
                received += piece
                for _ in range(5):
                    await asyncio.sleep(0)
            return bytes(received)

    assert run(main) == body


def test_read_stops_at_its_limit() -> None:
    async def main() -> bytes:
        async with serving(play(HELLO)) as url, request("GET", url, headers={}) as response:
            return await response.read(limit=3)

    assert run(main) == b"hel"


def deflated(body: bytes, wbits: int) -> bytes:
    packer = zlib.compressobj(wbits=wbits)
    return packer.compress(body) + packer.flush()


@pytest.mark.parametrize(("name", "wbits"), [(b"gzip", 31), (b"deflate", 15)])
def test_a_server_that_compresses_unasked_is_understood(name: bytes, wbits: int) -> None:
    body = b"x" * 3_000_000
    answer = OK + b"content-encoding: " + name + b"\r\n\r\n" + deflated(body, wbits)

    async def main() -> bytes:
        async with serving(play(answer)) as url, request("GET", url, headers={}) as response:
            return await response.read(10_000_000)

    assert run(main) == body


@pytest.mark.parametrize(
    ("encoding", "body", "text"),
    [
        (b"br", b"?", "terminated: the server compresses with 'br', which nobody asked for."),
        (b"gzip", b"plain", "terminated: the body isn't gzip"),
        (b"gzip", deflated(b"hello", 31)[:-9], "terminated"),
    ],
)
def test_a_body_that_cannot_be_unpacked_is_a_failure(encoding: bytes, body: bytes, text: str) -> None:
    answer = OK + b"content-encoding: " + encoding + b"\r\n\r\n" + body
    assert failure(play(answer)).startswith(text)


# --- failures


@pytest.mark.parametrize("answer", [CHUNKED + b"5\r\nhel", OK + b"content-length: 9\r\n\r\nhello"])
def test_a_body_cut_by_close_is_terminated(answer: bytes) -> None:
    assert failure(play(answer)) == "terminated"


def test_a_body_cut_by_reset_is_terminated_and_what_came_before_arrives() -> None:
    async def main() -> list[bytes]:
        told = asyncio.Event()

        async def script(peer: Peer) -> None:
            await peer.request()
            await peer.send(CHUNKED + b"3\r\none\r\n")
            await told.wait()
            peer.reset()

        pieces: list[bytes] = []
        async with serving(script) as url, request("GET", url, headers={}) as response:
            with pytest.raises(TransportError, match=r"^terminated$"):
                async for piece in response.chunks():
                    pieces.append(piece)
                    told.set()
        return pieces

    assert run(main) == [b"one"]


def test_chunks_that_break_the_framing_are_terminated() -> None:
    assert failure(play(CHUNKED + b"zz\r\n", keep=True)).startswith("terminated: 127.0.0.1:")


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\ncontent-"])
def test_no_whole_head_is_a_connection_error(answer: bytes) -> None:
    text = failure(play(answer))
    assert text.startswith("Connection error. 127.0.0.1:")
    assert text.endswith("closed the connection without an answer.")


def test_something_else_than_http_is_named() -> None:
    assert "doesn't answer in HTTP/1.1" in failure(play(b"SSH-2.0-OpenSSH_9\r\n", keep=True))


def test_headers_without_end_are_refused() -> None:
    assert "headers without end" in failure(play(OK + b"a: b\r\n" * 200_000, keep=True))


def test_a_refused_connection_says_where_and_what_to_check() -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        reason = os.strerror(errno.ECONNREFUSED)
        text = f"Connection error. 127.0.0.1:{port}: {reason}. Does the server run, and is its address right?"
        with pytest.raises(TransportError) as caught:
            async with request("GET", f"http://127.0.0.1:{port}/", headers={}):
                pass
        assert str(caught.value) == text

    run(main)


def test_a_name_without_address_is_a_connection_error() -> None:
    async def main() -> None:
        with pytest.raises(
            TransportError, match=r"^Connection error\. nowhere\.invalid:80: getaddrinfo finds no"
        ):
            async with request("GET", "http://nowhere.invalid/", headers={}):
                pass

    run(main)


def test_a_connection_that_nobody_takes_times_out() -> None:
    async def main() -> None:
        async with serving(lambda peer: peer.gone()) as url:  # speaks no TLS, so the handshake hangs
            with pytest.raises(TransportError, match="timed out after 50 ms"):
                async with request("GET", url.replace("http:", "https:"), headers={}, connect_timeout_ms=50):
                    pass

    run(main)


def test_a_silent_server_times_out_before_the_head() -> None:
    text = failure(play(keep=True), idle_timeout_ms=50)
    assert text.startswith("Request timed out. Nothing came from 127.0.0.1:")
    assert text.endswith(
        "for 0.05 s. If its models pause that long, raise httpIdleTimeoutMs (0 turns it off)."
    )


def test_a_stream_that_stops_times_out_in_the_body() -> None:
    text = failure(play(CHUNKED + b"3\r\none\r\n", keep=True), idle_timeout_ms=50)
    assert text.startswith("terminated: Nothing came from 127.0.0.1:")


def test_the_time_a_reader_takes_is_not_the_servers() -> None:
    async def main() -> bytes:
        asked = asyncio.Event()

        async def script(peer: Peer) -> None:
            await peer.request()
            await peer.send(CHUNKED + b"3\r\none\r\n")
            await asked.wait()
            await peer.send(b"3\r\ntwo\r\n0\r\n\r\n")

        async with (
            serving(script) as url,
            request("GET", url, headers={}, idle_timeout_ms=200) as response,
        ):
            body = b""
            async for piece in response.chunks():
                body += piece
                await asyncio.sleep(0.3)  # the timer fires meanwhile
                asked.set()
            return body

    assert run(main) == b"onetwo"


def test_no_idle_timeout_means_none() -> None:
    assert fetch(play(HELLO), idle_timeout_ms=0) == (200, b"hello")


@pytest.mark.parametrize("url", ["ftp://h/", "h/x", "http://", "http://h/ x", "http://hä/", ""])
def test_a_url_that_cannot_be_called_is_the_users_to_mend(url: str) -> None:
    async def main() -> None:
        with pytest.raises(ConfigError, match="a URL begins with"):
            async with request("GET", url, headers={}):
                pass

    run(main)


@pytest.mark.parametrize("value", ["sk-1\r\nx: y", "sk-1\u2026", "sk\x00"])
def test_a_header_that_http_cannot_carry_is_named_but_its_value_is_not_shown(value: str) -> None:
    async def main() -> None:
        with pytest.raises(ConfigError) as caught:
            async with request("GET", "http://127.0.0.1:9/", headers={"x-api-key": value}):
                pass
        assert str(caught.value) == (
            "The header 'x-api-key' holds a character that HTTP can't carry: correct its value."
        )

    run(main)


# --- connections


async def get(url: str, **options: Any) -> bytes:
    async with request("GET", url, headers={}, **options) as response:
        return await response.read()


def numbered(answer: bytes) -> Script:
    """Answers with the number of the connection in the body's place of `%d`."""

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send(answer % peer.number)

    return script


def two_gets(script: Script) -> list[bytes]:
    async def main() -> list[bytes]:
        async with serving(script) as url:
            return [await get(url), await get(url)]

    return run(main)


def test_a_connection_whose_body_was_read_serves_the_next_request() -> None:
    assert two_gets(numbered(OK + b"content-length: 1\r\n\r\n%d")) == [b"1", b"1"]
    assert two_gets(numbered(CHUNKED + b"1\r\n%d\r\n0\r\n\r\n")) == [b"1", b"1"]


def test_a_connection_that_the_server_means_to_close_is_not_used_again() -> None:
    assert two_gets(numbered(OK + b"connection: close\r\ncontent-length: 1\r\n\r\n%d")) == [b"1", b"2"]


def test_a_connection_that_spoke_out_of_turn_is_not_used_again() -> None:
    assert two_gets(numbered(OK + b"content-length: 1\r\n\r\n%d" + HELLO)) == [b"1", b"2"]


def test_requests_at_the_same_time_have_a_connection_each() -> None:
    async def main() -> list[bytes]:
        both = asyncio.Barrier(2)

        async def script(peer: Peer) -> None:
            await peer.request()
            await both.wait()
            await peer.send(OK + b"content-length: 1\r\n\r\n%d" % peer.number)

        async with serving(script) as url:
            return sorted(await asyncio.gather(get(url), get(url)))

    assert run(main) == [b"1", b"2"]


@pytest.mark.parametrize("close", ["before", "after the request", "reset after the request"])
def test_a_pooled_connection_that_died_is_replaced_without_anyone_noticing(close: str) -> None:
    async def main() -> list[bytes]:
        closed = asyncio.Event()

        async def script(peer: Peer) -> None:
            await peer.request()
            await peer.send(OK + b"content-length: 1\r\n\r\n%d" % peer.number)
            if close != "before":
                await peer.request()
                if close.startswith("reset"):
                    peer.reset()
            closed.set()

        async with serving(script) as url:
            first = await get(url)
            if close == "before":
                await closed.wait()
            return [first, await get(url)]

    assert run(main) == [b"1", b"2"]


def test_a_fresh_connection_that_dies_is_not_tried_again() -> None:
    async def main() -> int:
        seen = 0

        async def script(peer: Peer) -> None:
            nonlocal seen
            await peer.request()
            seen += 1

        async with serving(script) as url:
            with pytest.raises(TransportError):
                await get(url)
        return seen

    assert run(main) == 1


def test_a_reused_connection_that_times_out_is_not_asked_twice() -> None:
    async def main() -> list[int]:
        seen: list[int] = []

        async def script(peer: Peer) -> None:
            await peer.request()
            await peer.send(HELLO)
            await peer.request()
            seen.append(peer.number)
            await peer.gone()

        async with serving(script) as url:
            await get(url)
            with pytest.raises(TransportError, match=r"^Request timed out\."):
                await get(url, idle_timeout_ms=50)
        return seen

    assert run(main) == [1]


@pytest.mark.parametrize(
    "sent", [b"", CHUNKED, CHUNKED + b"3\r\none\r\n"], ids=["nothing", "head", "a piece"]
)
def test_cancelling_closes_the_connection(sent: bytes) -> None:
    async def main() -> None:
        ready, gone = asyncio.Event(), asyncio.Event()

        async def script(peer: Peer) -> None:
            await peer.request()
            await peer.send(sent)
            ready.set()
            await peer.gone()
            gone.set()

        async with serving(script) as url:
            task = asyncio.create_task(get(url))
            await ready.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await gone.wait()

    run(main)


def test_leaving_before_the_end_closes_the_connection() -> None:
    async def main() -> None:
        gone = asyncio.Event()

        async def script(peer: Peer) -> None:
            await peer.request()
            await peer.send(CHUNKED + b"3\r\none\r\n")
            await peer.gone()
            gone.set()

        async with serving(script) as url:
            async with request("GET", url, headers={}) as response:
                assert response.status == 200
            await gone.wait()

    run(main)


def test_each_event_loop_has_connections_of_its_own() -> None:
    for _ in range(2):
        assert two_gets(numbered(OK + b"content-length: 1\r\n\r\n%d")) == [b"1", b"1"]


# --- proxies and TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and self-signed certificate for 127.0.0.1 in one file."""
    openssl = shutil.which("openssl")
    if not openssl:
        pytest.skip("needs the openssl program to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    command = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test -addext subjectAltName=IP:127.0.0.1"
    files = ["-keyout", str(folder / "key"), "-out", str(folder / "cert")]
    subprocess.run([openssl, *command.split(), *files], check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_text((folder / "key").read_text() + (folder / "cert").read_text())
    return both


def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"])
def test_https_trusts_the_authorities_that_the_environment_names(
    certificate: Path, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, str(certificate))

    async def main() -> list[bytes]:
        script = numbered(OK + b"content-length: 1\r\n\r\n%d")
        async with serving(script, server_tls(certificate)) as url:
            return [await get(url), await get(url)]

    assert run(main) == [b"1", b"1"]


def test_https_refuses_a_certificate_that_nobody_vouches_for(certificate: Path) -> None:
    async def main() -> None:
        async with serving(play(HELLO), server_tls(certificate)) as url:
            with pytest.raises(
                TransportError, match=r"isn't trusted \(self-signed certificate\).*SSL_CERT_FILE"
            ):
                await get(url)

    run(main)


class Proxy:
    """A forwarding proxy: answers absolute-form requests itself, tunnels CONNECT."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []

    async def __call__(self, peer: Peer) -> None:
        head = await peer.request()
        self.seen.append(head)
        if not head.startswith(b"CONNECT "):
            await peer.send(HELLO)
            return
        host, _, port = head.split()[1].decode().rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        await peer.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            await asyncio.gather(pump(peer.reader, writer), pump(reader, peer.writer))
        finally:
            writer.close()


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()
    writer.close()


def test_http_goes_through_a_proxy_in_absolute_form_with_credentials() -> None:
    async def main() -> bytes:
        proxy = Proxy()
        async with serving(proxy) as address:
            via = address.replace("//", "//me:p%40ss@")
            assert await get("http://models.example/v1?a=b", proxy=via) == b"hello"
        return proxy.seen[0]

    lines = run(main).split(b"\r\n")
    assert lines[0] == b"GET http://models.example/v1?a=b HTTP/1.1"
    assert lines[1] == b"host: models.example"
    assert b"proxy-authorization: Basic bWU6cEBzcw==" in lines


def test_https_goes_through_a_tunnel_that_is_kept(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    async def main() -> None:
        proxy = Proxy()
        script = numbered(OK + b"content-length: 1\r\n\r\n%d")
        async with serving(proxy) as address, serving(script, server_tls(certificate)) as url:
            monkeypatch.setenv("https_proxy", address)
            assert [await get(url), await get(url)] == [b"1", b"1"]
            target = url.removeprefix("https://").encode()
            assert proxy.seen == [b"CONNECT %s HTTP/1.1\r\nhost: %s\r\n\r\n" % (target, target)]

    run(main)


def test_a_proxy_that_refuses_is_named_without_its_password() -> None:
    async def main() -> str:
        answer = b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n"
        async with serving(play(answer)) as address:
            with pytest.raises(TransportError) as caught:
                await get("https://models.example/", proxy=address.replace("//", "//me:secret@"))
            return str(caught.value).replace(address.removeprefix("http://"), "PROXY")

    assert run(main) == (
        "Connection error. The proxy PROXY answers 407 to a connection to models.example:443: "
        "check the proxy's address and credentials, or name the host in NO_PROXY."
    )


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:9", "http://me:secret@a b"])
def test_a_proxy_that_cannot_be_used_is_the_users_to_mend(proxy: str) -> None:
    async def main() -> None:
        with pytest.raises(ConfigError) as caught:
            await get("http://models.example/", proxy=proxy)
        assert "secret" not in str(caught.value)

    run(main)


@pytest.mark.parametrize(
    ("variables", "proxied"),
    [
        ({"HTTP_PROXY": "PROXY"}, True),
        ({"http_proxy": "PROXY"}, True),
        ({"ALL_PROXY": "PROXY"}, True),
        ({"http_proxy": "PROXY", "HTTP_PROXY": "http://127.0.0.1:9"}, True),
        ({"HTTPS_PROXY": "PROXY"}, False),
        ({"HTTP_PROXY": "PROXY", "NO_PROXY": "*"}, False),
        ({"HTTP_PROXY": "PROXY", "NO_PROXY": "a.example, 127.0.0.1"}, False),
        ({"HTTP_PROXY": "PROXY", "no_proxy": "127.0.0.1:PORT"}, False),
        ({"HTTP_PROXY": "PROXY", "no_proxy": "127.0.0.1:9"}, True),
        ({"HTTP_PROXY": "PROXY", "no_proxy": ".0.0.1"}, False),
        ({"HTTP_PROXY": "PROXY", "no_proxy": "*.0.0.1"}, False),
        ({"HTTP_PROXY": "PROXY", "no_proxy": "7.0.0.1"}, True),
        ({"HTTP_PROXY": "PROXY", "no_proxy": ","}, True),
    ],
)
def test_the_environment_decides_about_proxies(
    variables: dict[str, str], proxied: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> bool:
        proxy = Proxy()
        async with serving(proxy) as address, serving(play(HELLO)) as url:
            port = url.rpartition(":")[2]
            for name, value in variables.items():
                value = value.replace("PROXY", address.removeprefix("http://")).replace("PORT", port)
                monkeypatch.setenv(name, value)
            assert await get(url) == b"hello"
            return bool(proxy.seen)

    assert run(main) is proxied


# --- post_json


def posted(options: StreamOptions, headers: dict[str, str]) -> tuple[dict[str, str], Any]:
    """What the server reads of `post_json({"a": 1})`."""

    async def main() -> bytes:
        seen: list[bytes] = []

        async def script(peer: Peer) -> None:
            seen.append(await peer.request())
            await peer.send(HELLO)

        async with serving(script) as url, post_json(url, {"a": 1}, headers, options) as response:
            assert isinstance(response, Response)
            assert await response.read() == b"hello"
        return seen[0]

    head, _, body = run(main).partition(b"\r\n\r\n")
    lines = [line.decode().partition(": ") for line in head.split(b"\r\n")[1:]]
    assert len({name for name, _, _ in lines}) == len(lines)  # one header per name
    return {name: value for name, _, value in lines if name != "host"}, msgspec.json.decode(body)


def test_a_post_says_who_we_are_and_what_it_is() -> None:
    headers, body = posted(StreamOptions(), {"Authorization": "Bearer k"})
    agent = headers.pop("user-agent")
    assert agent.startswith("pi (")
    assert agent.count(";") == 1
    assert headers == {
        "accept-encoding": "identity",
        "content-type": "application/json",
        "accept": "application/json",
        "authorization": "Bearer k",
        "content-length": "7",
    }
    assert body == {"a": 1}


def test_the_options_headers_win_whatever_their_case() -> None:
    options = StreamOptions(headers={"AUTHORIZATION": "mine", "User-agent": "me", "Accept": "*/*"})
    headers, _ = posted(options, {"Authorization": "theirs"})
    assert (headers["authorization"], headers["user-agent"], headers["accept"]) == ("mine", "me", "*/*")


def test_the_hooks_see_the_payload_and_the_head() -> None:
    seen: list[Any] = []

    async def replace(payload: dict[str, Any]) -> dict[str, Any]:
        return {**payload, "b": 2}

    async def look(status: int, headers: dict[str, str]) -> None:
        seen.append((status, headers))

    _, body = posted(StreamOptions(on_payload=replace, on_response=look), {})
    assert body == {"a": 1, "b": 2}
    assert seen == [(200, {"content-length": "5"})]


def test_a_hook_that_only_looks_changes_nothing() -> None:
    async def look(payload: dict[str, Any]) -> None:
        assert payload == {"a": 1}

    assert posted(StreamOptions(on_payload=look), {})[1] == {"a": 1}


def test_a_body_never_holds_half_a_character() -> None:
    async def replace(payload: dict[str, Any]) -> dict[str, Any]:
        return {**payload, "id\ud83c": ["a\udf0d", "\ud83c\udf0d"]}

    assert posted(StreamOptions(on_payload=replace), {})[1] == {"a": 1, "id": ["a", "\U0001f30d"]}
