"""The messages that wait for the running agent, for whoever wants to see them or take them back."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal

from pi.agent.queue import QueueMode
from pi.harness.events import QueueUpdate
from pi.harness.intake import Intake
from pi.harness.state import SessionState
from pi.llm.messages import Image, content_text
from pi.platform.errors import PiError


class SessionBusy(PiError):
    """A prompt came while the agent runs, and didn't say whether to steer or to follow up."""


class Queues:
    """Steering messages enter after the turn, follow-ups when the agent would stop."""

    def __init__(
        self,
        state: SessionState,
        intake: Intake,
        publish: Callable[[Any], Awaitable[None]],
        busy: Callable[[], bool],
    ):
        self._state = state
        self._intake = intake
        self._publish = publish
        self._busy = busy

    def __bool__(self) -> bool:
        return bool(self._state.steering or self._state.following)

    @property
    def waiting(self) -> QueueUpdate:
        """The texts that wait."""
        texts = [
            tuple(content_text(message.content) for message in queue.waiting)
            for queue in (self._state.steering, self._state.following)
        ]
        return QueueUpdate(texts[0], texts[1])

    async def say(
        self,
        text: str,
        *,
        when: Literal["steer", "follow_up"],
        images: Sequence[Image] = (),
        source: Literal["interactive", "rpc", "extension"] = "interactive",
    ) -> bool:
        """Let something that the user says wait, also in an idle session: it goes with the next run.

        False when an extension has dealt with it. Raises PiError for a command of an extension.
        """
        name = text[1:].split(" ", 1)[0] if text.startswith("/") else ""
        extensions = self._state.setup.extensions
        if name and extensions is not None and extensions.has_command(name):
            raise PiError(
                f'Extension command "/{name}" cannot be queued. '
                "Use prompt() or execute the command when not streaming."
            )
        message = await self._intake.hear(text, images, source, when if self._busy() else None)
        if message is None:
            return False
        await self.add(message, when)
        return True

    def set_mode(self, mode: QueueMode, *, steering: bool) -> None:
        """Deliver one waiting message at a time, or all of them; kept in the user's settings.

        Raises ConfigError and LockedError when that can't be written.
        """
        (self._state.steering if steering else self._state.following).mode = mode
        self._state.setup.settings.save("steeringMode" if steering else "followUpMode", mode)

    async def add(self, message: Any, when: Literal["steer", "follow_up"] | None) -> None:
        """Let a message wait. Raises SessionBusy when nobody said for what."""
        if when is None:
            raise SessionBusy(
                "Agent is already processing. Specify streamingBehavior ('steer' or 'followUp') "
                "to queue the message."
            )
        (self._state.steering if when == "steer" else self._state.following).add(message)
        await self._publish(self.waiting)

    async def delivered(self, message: Any) -> None:
        """A message enters the transcript: if it waited, it does no longer."""
        if self._state.steering.delivered(message) or self._state.following.delivered(message):
            await self._publish(self.waiting)

    async def clear(self) -> tuple[list[str], list[str]]:
        """Take back what waits: the texts of steering and of follow-up messages."""
        taken = [
            [content_text(message.content) for message in queue.clear()]
            for queue in (self._state.steering, self._state.following)
        ]
        await self._publish(self.waiting)
        return taken[0], taken[1]
