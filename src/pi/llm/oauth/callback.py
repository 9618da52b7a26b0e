"""The redirect's end on this machine: a server on loopback that waits for one code, beside a pasted one."""

import asyncio
import errno
import socket
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from pi.llm.oauth.errors import OAuthError
from pi.llm.oauth.page import http_page
from pi.llm.oauth.redirect import Code, PasteError, parse_redirect, read_query
from pi.platform.errors import PiError

LOGIN_MS = 5 * 60_000
LOOPBACK = ("127.0.0.1", "::1")
_LONGEST_HEAD = 64 * 1024
_PORTS_TO_TRY = 20

Paste = Callable[[str], Awaitable[str | None]]
"""Asks people for the redirect's address or the code; gets what was wrong with the last one, or "".

None: nobody will paste anything, so only the browser counts.
"""


class Callback:
    """One login that waits for its redirect; `redirect_uri` is what the server must send browsers to."""

    def __init__(self, state: str | None, path: str) -> None:
        self.redirect_uri = ""
        self.listening = False
        self.path = path
        self._state = None if state is None else state.encode()
        self._code: asyncio.Future[Code] = asyncio.get_running_loop().create_future()

    async def code(self, *, paste: Paste | None = None, timeout_ms: int = LOGIN_MS) -> Code:
        """The code: the browser's or the pasted one, whichever comes first.

        Raises OAuthError when the login was refused, or after `timeout_ms` ("login_timeout"); what `paste`
        raises ends the wait as well.
        """
        pasted = asyncio.ensure_future(self._pasted(paste)) if paste else None
        waiting = {self._code, pasted} if pasted else {self._code}
        try:
            done, _ = await asyncio.wait(
                waiting, timeout=timeout_ms / 1000, return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                raise OAuthError("login_timeout", "Nobody finished the login in time")
            return (self._code if self._code in done else done.pop()).result()
        finally:
            if pasted and not pasted.done():
                pasted.cancel()
                await asyncio.wait({pasted})  # its prompt is gone before the login goes on
            if pasted and not pasted.cancelled():
                pasted.exception()  # seen, although the browser was first

    def answer(self, method: str, target: str) -> bytes:
        """The page for a request; the code of ours ends the wait, anything else changes nothing."""
        path, _, query = target.partition("?")
        if path != self.path:
            return http_page(404, "Nothing here", "This address belongs to a login. You can close this page.")
        if method != "GET":  # a program that looks ahead must not use the code up
            return http_page(405, "Nothing here", "The login needs a GET request.")
        if not self._is_ours(query):
            return http_page(
                400, "Not this login", "This page belongs to another login or an old one. Start it again."
            )
        return self._finish(query)

    def _finish(self, query: str) -> bytes:
        try:
            code = read_query(query)
        except OAuthError as error:
            if not self._code.done():
                self._code.set_exception(error)
                self._code.exception()  # seen: a wait that has ended must not leave a warning
            return http_page(400, "The login failed", str(error))
        if not code:
            return http_page(
                400, "The login isn't complete", "The address has no code. Start the login again."
            )
        if not self._code.done():
            self._code.set_result(code)
        return http_page(200, "You are logged in", "You can close this page and go back to the terminal.")

    def _is_ours(self, query: str) -> bool:
        import hmac
        from urllib.parse import parse_qs

        if self._state is None:
            return True
        state = parse_qs(query).get("state", [""])[0]
        return hmac.compare_digest(state.encode("utf-8", "replace"), self._state)

    async def _pasted(self, paste: Paste) -> Code:
        import hmac

        fault = ""
        while (text := await paste(fault)) is not None:
            try:
                code = parse_redirect(text)
            except PasteError as error:
                fault = str(error)
                continue
            given = None if code.state is None else code.state.encode("utf-8", "replace")
            if given is None or self._state is None or hmac.compare_digest(given, self._state):
                return code
            fault = "That address belongs to another login. Paste the one that this login ended on."
        return await asyncio.get_running_loop().create_future()  # never: only the browser is left


@asynccontextmanager
async def callback_server(
    state: str | None,
    *,
    port: int = 0,
    path: str = "/callback",
    redirect_host: str = "127.0.0.1",
    hosts: tuple[str, ...] = LOOPBACK,
    must_listen: bool = True,
) -> AsyncGenerator[Callback, None]:
    """Listen for the redirect that carries `state`; the port is free again afterwards.

    None, for servers that send no state back: then nobody may guess `path`.
    `port` 0 takes a free one. Of `hosts`, the first must work and the others as far as the machine has them.
    Without `must_listen`, a fixed port that is taken leaves pasting as the only way. Raises PiError.
    """
    callback = Callback(state, path)
    async with AsyncExitStack() as stack:
        try:
            sockets = _listen(hosts, port)
        except OSError as error:
            if must_listen or not port:
                raise PiError(
                    f"The login can't wait for the browser on port {port}: {error.strerror}. "
                    "End the program that uses the port (another login?), and start the login again."
                ) from error
            sockets = []
        for listener in sockets:
            stack.callback(listener.close)
        open_pages: set[asyncio.BaseTransport] = set()
        stack.callback(
            lambda: [page.abort() for page in [*open_pages] if isinstance(page, asyncio.Transport)]
        )
        loop = asyncio.get_running_loop()
        for listener in sockets:
            server = await loop.create_server(lambda: _Page(callback, open_pages), sock=listener)
            stack.callback(server.close)
        shown_port = sockets[0].getsockname()[1] if sockets else port
        host = f"[{redirect_host}]" if ":" in redirect_host else redirect_host
        callback.redirect_uri = f"http://{host}:{shown_port}{path}"
        callback.listening = bool(sockets)
        yield callback


class _Page(asyncio.Protocol):
    """A browser's connection: one request, one page. Idle ones, which browsers open ahead, just wait."""

    def __init__(self, callback: Callback, open_pages: set[asyncio.BaseTransport]) -> None:
        import httptools

        self._callback = callback
        self._open_pages = open_pages
        self._parser: Any = httptools.HttpRequestParser(self)
        self._target = bytearray()
        self._received = 0
        self._complete = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._open_pages.add(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._open_pages.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        import httptools

        self._received += len(data)
        assert isinstance(self._transport, asyncio.Transport)
        if self._complete:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # the head is there, and the offer is left alone
        except httptools.HttpParserError:
            self._transport.abort()
            return
        if self._complete:
            method = self._parser.get_method().decode()
            self._transport.write(self._callback.answer(method, self._target.decode("ascii", "replace")))
            self._open_pages.discard(self._transport)  # it closes by itself, once the page is sent
            self._transport.close()
        elif self._received > _LONGEST_HEAD:
            self._transport.abort()

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_headers_complete(self) -> None:
        self._complete = True  # a body would change nothing


def _listen(hosts: tuple[str, ...], port: int) -> list[socket.socket]:
    """Bound to one port on each host that the machine has. A port that a stranger holds on one of them is
    no good: a browser could bring the code there."""
    for attempts_left in reversed(range(_PORTS_TO_TRY)):
        bound: list[socket.socket] = []
        try:
            for host in hosts:
                if listener := _bound(host, bound[0].getsockname()[1] if bound else port, not bound):
                    bound.append(listener)
            return bound
        except OSError as error:
            for listener in bound:
                listener.close()
            if port or error.errno != errno.EADDRINUSE or not attempts_left:
                raise
    raise AssertionError("unreachable")


def _bound(host: str, port: int, needed: bool) -> socket.socket | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.socket(family, socket.SOCK_STREAM)
    except OSError:
        if needed:
            raise
        return None
    try:
        if sys.platform == "win32":  # there SO_REUSEADDR would let a stranger share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((host, port))
        listener.listen()
    except OSError as error:
        listener.close()
        if needed or error.errno == errno.EADDRINUSE:
            raise
        return None
    listener.setblocking(False)
    return listener
