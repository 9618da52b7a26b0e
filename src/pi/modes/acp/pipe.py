"""The library's transport over our wire: messages in and out, and answers to lines that are none."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from acp import RequestError

from pi.harness.framing import decode
from pi.harness.wire import Wire


class Pipe:
    """See `acp._transport.Transport`. A line that is no message is answered, and the next one read."""

    def __init__(self, wire: Wire):
        self._wire = wire
        self._received: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()

    def start(self, lost: Callable[[], None]) -> None:
        """Begin to read; `lost` is called when nobody reads what we write."""
        self._wire.start(self._take, lost)

    def tell(self, method: str, params: dict[str, Any]) -> None:
        """Send a notification, in its place among all that is sent."""
        self._wire.send({"jsonrpc": "2.0", "method": method, "params": params})

    async def send(self, message: dict[str, Any]) -> None:
        self._wire.send(message)

    async def receive(self) -> dict[str, Any] | None:
        return await self._received.get()

    async def close(self) -> None:
        """The wire is finished by whoever has reserved it."""

    def _take(self, line: bytes | None) -> None:
        if line is None:
            self._received.put_nowait(None)
            return
        if not line.strip():
            return
        try:
            value = decode(line)
        except ValueError as error:
            self._refuse(RequestError(-32700, f"Parse error: {error}"))
            return
        if not isinstance(value, dict):
            self._refuse(RequestError(-32600, "A message must be one JSON object."))
            return
        message = cast(dict[str, Any], value)
        if "id" not in message and str(message.get("method", "")).startswith("$/"):
            return  # hints of the transport, which may be passed over
        self._received.put_nowait(message)

    def _refuse(self, error: RequestError) -> None:
        self._wire.send({"jsonrpc": "2.0", "id": None, "error": error.to_error_obj()})
