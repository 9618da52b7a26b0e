"""Headers that a provider wants beside those of its protocol; what is in braces depends on the request."""

import re
from collections.abc import Callable

from msgspec.structs import replace

from pi.llm.messages import Context, Image, Message, ToolResultMessage, UserMessage
from pi.llm.models import Model
from pi.llm.options import StreamOptions
from pi.llm.providers import PROVIDERS


def with_own_headers(model: Model, context: Context, options: StreamOptions) -> StreamOptions:
    """The options with the headers of the model's provider; the options' own win.

    A header whose value isn't known, such as `{session}` without a session, is left out.
    """
    known = PROVIDERS.get(model.provider)
    if known is None or not known.headers:
        return options
    own: dict[str, str] = {}
    for name, text in known.headers.items():
        words = re.findall(r"\{(\w+)\}", text)
        values = {word: value for word in words if (value := _VALUES[word](context, options)) is not None}
        if len(values) == len(words):
            own[name] = text.format(**values)
    if not own:
        return options
    return replace(options, headers=own | (options.headers or {}))


def _session(context: Context, options: StreamOptions) -> str | None:
    return options.session_id


def _initiator(context: Context, options: StreamOptions) -> str | None:
    """Whose turn the request belongs to: a user's message has the last word, or the agent goes on."""
    last = context.messages[-1] if context.messages else None
    return "agent" if last is not None and not isinstance(last, UserMessage) else "user"


def _vision(context: Context, options: StreamOptions) -> str | None:
    """ "true" when there is an image in the conversation, not known otherwise."""
    return "true" if any(map(_has_image, context.messages)) else None


def _has_image(message: Message) -> bool:
    shown = isinstance(message, UserMessage | ToolResultMessage) and not isinstance(message.content, str)
    return shown and any(isinstance(block, Image) for block in message.content)


_VALUES: dict[str, Callable[[Context, StreamOptions], str | None]] = {
    "initiator": _initiator,
    "session": _session,
    "vision": _vision,
}
