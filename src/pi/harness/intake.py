"""What people say on its way to the model: extensions hear it, templates expand, prompts form."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal, cast

from pi.agent.events import MessageEnd
from pi.agent.hooks import Handled
from pi.harness.boundaries import custom_message
from pi.harness.prompts import expand, wanted_model
from pi.harness.state import SessionState
from pi.harness.system_prompt import prompt_update
from pi.llm.messages import Image, Text, UserMessage, content_text
from pi.platform.clock import now_ms


class Intake:
    """The way in for one session: what is said, and what is written, before it is saved."""

    def __init__(self, state: SessionState, warnings: list[str]):
        self._state = state
        self._warnings = warnings
        self.wish: str | None = None  # the model that the text heard last names for its run

    async def command(self, text: str, reload: Callable[[], Awaitable[None]]) -> bool:
        """Run what is a slash command of an extension, or our own; False for everything else."""
        if not text.startswith("/"):
            return False
        name, _, arguments = text[1:].partition(" ")
        setup = self._state.setup
        if setup.extensions is not None and setup.extensions.has_command(name):
            await setup.extensions.run_command(name, arguments.strip())
        elif name == "reload" and not arguments.strip() and setup.remake is not None:
            await reload()
        else:
            return False
        return True

    async def hear(
        self,
        text: str,
        images: Sequence[Image],
        source: Literal["interactive", "rpc", "extension"],
        when_busy: Literal["steer", "follow_up"] | None,
        *,
        expanded: bool = True,
    ) -> UserMessage | None:
        """The user's message as the model is to see it; None when an extension has dealt with it."""
        state = self._state
        if state.hooks.has("input"):
            from pi.harness.extensions.events import Input

            asked = Input(text, tuple(images), source, when_busy)
            said = await state.hooks.chain("input", asked, "text", (str, Handled))
            if isinstance(said, Handled):
                return None
            text, images = said.text, said.images
        self.wish = None
        if expanded:
            self.wish = wanted_model(text, state.setup.skills, state.setup.templates)
            text = expand(text, state.setup.skills, state.setup.templates, self._warnings)
        return UserMessage((Text(text), *images), now_ms())

    async def prompts(self, message: Any) -> list[Any]:
        """The messages with which a run begins, after extensions had their say about the system prompt."""
        state = self._state
        waiting, state.with_next = state.with_next, []
        notes: list[Any] = []
        state.prompt_changes, state.prompt_instead = {}, None
        if state.hooks.has("before_agent_start"):
            from pi.harness.extensions.answers import Note, Sections, SystemPrompt
            from pi.harness.extensions.events import BeforeAgentStart

            images = tuple(block for block in message.content if isinstance(block, Image))
            asked = BeforeAgentStart(content_text(message.content), images, state.sections)
            wanted = (Note, Sections, SystemPrompt)
            for answer in await state.hooks.answers("before_agent_start", asked, wanted):
                match answer:
                    case Note():
                        notes.append(custom_message(answer))
                    case Sections(texts):
                        state.change_prompt(texts)
                    case _:
                        state.prompt_instead = answer.text
        update = prompt_update(state)
        return [*([update] if update else ()), *waiting, message, *notes]

    async def finish(self, event: MessageEnd) -> MessageEnd:
        """The message as handlers leave it; one of another role isn't taken."""
        kind = cast(type[Any], type(event.message))
        hooks = self._state.hooks
        changed = await hooks.chain("message_end", event, "message", (kind,))
        if isinstance(changed, MessageEnd) and type(changed.message) is kind:
            return changed
        hooks.report("", "message_end", f"the answer must be a {kind.__name__}; the message stays as it was")
        return event
