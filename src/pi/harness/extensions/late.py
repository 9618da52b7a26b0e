"""Stands in for the extension host in a session without extensions, until one is asked for."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pi.harness.extensions.load_requests import LoadRequests

if TYPE_CHECKING:
    from pi.harness.extensions.host import ExtensionHost


class LateHost:
    """Most sessions have no extension and never get one: this costs them a look at a file between turns.

    `make` gives a host without extensions, `find` one with those that are there by now, None without any.
    """

    def __init__(
        self,
        make: Callable[[LoadRequests], "ExtensionHost"],
        find: Callable[[], Awaitable["ExtensionHost | None"]],
    ):
        self.host: ExtensionHost | None = None
        self._make = make
        self._find = find
        self._requests = LoadRequests()
        self._session: Any = None

    def has_command(self, name: str) -> bool:
        return self.host is not None and self.host.has_command(name)

    async def run_command(self, name: str, arguments: str) -> None:
        assert self.host
        await self.host.run_command(name, arguments)

    async def start(self, session: Any, reason: Any, previous: Path | None) -> None:
        self._session = session
        if self.host is not None:
            await self.host.start(session, reason, previous)

    async def stop(self, reason: Any, target: Path | None) -> None:
        if self.host is not None:
            await self.host.stop(reason, target)
        elif reason == "quit":
            self._requests.close()
        elif reason == "reload":
            self.host = await self._find()

    def environment(self) -> dict[str, str]:
        if self.host is not None:
            return self.host.environment()
        if self._session is None:
            return {}
        return self._requests.environment(self._session.store.cwd, trusted=self._session.setup.trusted)

    async def between_turns(self) -> None:
        if self.host is None:
            if not self._requests.waiting:
                return
            self.host = self._make(self._requests)
            await self.host.start(self._session, "startup", None)
        await self.host.between_turns()
