"""The way of updates to one session of the editor's; held back until the editor knows the session."""

from collections.abc import Callable
from typing import Any

from acp.meta import CLIENT_METHODS
from acp.schema import (
    AgentMessageChunk,
    AgentThoughtChunk,
    ImageContentBlock,
    SessionNotification,
    TextContentBlock,
    UserMessageChunk,
)
from acp.utils import serialize_params

from pi.llm.messages import Image
from pi.modes.acp.clean import shown

Tell = Callable[[str, dict[str, Any]], None]


class Feed:
    """Updates in the order in which they are given."""

    def __init__(self, session_id: str, tell: Tell):
        self.session_id = session_id
        self._tell = tell
        self._held: list[dict[str, Any]] | None = []
        self._notices = 0

    def open(self) -> None:
        """The editor knows the session: what was held back goes first."""
        held, self._held = self._held or [], None
        for params in held:
            self._tell(CLIENT_METHODS["session_update"], params)

    def send(self, update: Any) -> None:
        """One of the updates of `acp.schema.SessionNotification`."""
        params = serialize_params(SessionNotification(session_id=self.session_id, update=update))
        if self._held is not None:
            self._held.append(params)
        else:
            self._tell(CLIENT_METHODS["session_update"], params)

    def user(self, text: str, message_id: str | None = None) -> None:
        """Something that the user has said."""
        block = TextContentBlock(type="text", text=shown(text))
        self.send(UserMessageChunk(session_update="user_message_chunk", content=block, message_id=message_id))

    def agent(self, text: str, message_id: str | None = None) -> None:
        """A piece of an answer."""
        block = TextContentBlock(type="text", text=shown(text))
        self.send(
            AgentMessageChunk(session_update="agent_message_chunk", content=block, message_id=message_id)
        )

    def thought(self, text: str, message_id: str | None = None) -> None:
        """A piece of reasoning."""
        block = TextContentBlock(type="text", text=shown(text))
        self.send(
            AgentThoughtChunk(session_update="agent_thought_chunk", content=block, message_id=message_id)
        )

    def image(self, image: Image, message_id: str | None = None) -> None:
        """A picture that the user has sent."""
        block = ImageContentBlock(type="image", data=image.data, mime_type=image.mime_type)
        self.send(UserMessageChunk(session_update="user_message_chunk", content=block, message_id=message_id))

    def notice(self, text: str) -> None:
        """Something that Pi says; the protocol has no place of its own for that."""
        self._notices += 1
        self.agent(f"\n\n{text.strip()}\n\n", f"notice-{self._notices}")
