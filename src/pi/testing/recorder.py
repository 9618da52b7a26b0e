"""Keeps what happens in a session, and picks out what tests ask for."""

from typing import Any

from pi.agent.events import MessageEnd, ToolExecutionEnd
from pi.harness.events import ExtensionFailed
from pi.harness.session import Session
from pi.llm.messages import AssistantMessage, content_text


class Recorder:
    """Hears every event of a session from now on."""

    def __init__(self, session: Session):
        self.events: list[Any] = []
        session.subscribe(self.events.append)

    def of(self, kind: type | str) -> list[Any]:
        """The events of one kind: the class, or the name as in JSON mode ("tool_execution_end")."""
        if isinstance(kind, type):
            return [event for event in self.events if isinstance(event, kind)]
        return [event for event in self.events if event.__struct_config__.tag == kind]

    @property
    def texts(self) -> list[str]:
        """What the model said: the text of each response that has one."""
        messages = [event.message for event in self.of(MessageEnd)]
        return [m.text for m in messages if isinstance(m, AssistantMessage) and m.text]

    @property
    def tool_results(self) -> list[str]:
        """What tools gave back, errors included, as they ended."""
        return [content_text(event.result.content) for event in self.of(ToolExecutionEnd)]

    @property
    def failures(self) -> list[str]:
        """What extensions did wrong: "where: what"."""
        return [f"{event.event}: {event.error}" for event in self.of(ExtensionFailed)]
