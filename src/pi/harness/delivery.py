"""From the inbox into the conversation: each message once, when it is due, also while nobody types."""

import asyncio
from typing import TYPE_CHECKING, Any, cast

from pi.agent.events import MessageEnd
from pi.harness.storage.entries import CustomMessage, CustomMessageEntry
from pi.platform.clock import now_ms
from pi.platform.errors import PiError

if TYPE_CHECKING:
    from pi.harness.inbox import Inbox, Message
    from pi.harness.session import Session

FOLDER = "inbox"  # in the agent directory
KEY = "inboxId"  # in the details of a delivered message: what makes it once
IDLE_POLL_S = 1.0


class Delivery:
    """One session's inbox. While there is no inbox folder, all it does is one look for it."""

    def __init__(self, session: "Session"):
        self._session = session
        self._inbox: Inbox | None = None
        self._waiting: dict[str, Message] = {}
        self._watching: asyncio.Task[None] | None = None

    async def open(self, *, watch: bool) -> None:
        """The session opens: what waited for that comes before anything is said; `watch` goes on looking."""
        await self._take(opening=True)
        if watch:
            self._watching = asyncio.create_task(self._watch())

    async def between_turns(self) -> None:
        """Take what has come during a run."""
        inbox = self._opened()
        if inbox is not None and inbox.changed():
            await self._take(opening=False)

    def close(self) -> None:
        """The session ends: what was taken and not said goes back."""
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None
        if self._inbox is not None:
            self._inbox.close()
            self._inbox = None

    def _opened(self) -> "Inbox | None":
        store = self._session.store
        folder = self._session.setup.agent_dir / FOLDER
        child = self._session.setup.kin is not None  # what is sent to the project is for its people
        if self._inbox is None and not child and folder.is_dir():
            from pi.harness.inbox import Inbox

            self._inbox = Inbox(folder, store.id, store.cwd, already=self._has)
            self._session.subscribe(self._heard)
        return self._inbox

    async def _take(self, *, opening: bool) -> None:
        inbox = self._opened()
        if inbox is None:
            return
        for message in inbox.take(opening=opening):
            self._waiting[message.id] = message
            details = {**_as_object(message.details), KEY: message.id, "sender": message.sender}
            kind = message.custom_type or "inbox"
            said = CustomMessage(kind, message.text, True, now_ms(), details)
            run = not opening and message.deliver != "next_open"
            when = "follow_up" if message.deliver == "follow_up" else "steer"
            if run and not self._session.busy:
                self._session.post(lambda said=said: self._session.send(said, run=True))
            else:
                await self._session.send(said, when=when)
        self._session.warnings += inbox.warnings
        inbox.warnings.clear()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(IDLE_POLL_S)
            if self._session.busy:
                continue  # the run looks by itself
            try:
                await self.between_turns()
            except PiError as error:
                self._session.warnings.append(str(error))
                return

    def _heard(self, event: Any) -> None:
        """A message that is saved won't come back."""
        if isinstance(event, MessageEnd) and isinstance(event.message, CustomMessage):
            message = self._waiting.pop(_as_object(event.message.details).get(KEY, ""), None)
            if message is not None and self._inbox is not None:
                self._inbox.acknowledge(message)

    def _has(self, message_id: str) -> bool:
        return any(
            isinstance(entry, CustomMessageEntry) and _as_object(entry.details).get(KEY) == message_id
            for entry in self._session.store.entries("custom_message")
        )


def _as_object(value: Any) -> dict[str, Any]:
    return cast(dict[str, Any], value) if isinstance(value, dict) else {}
