"""How many tokens a context takes, and how many are left for the answer and for thinking."""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

import msgspec

from pi.llm.messages import (
    AssistantMessage,
    Context,
    Image,
    Message,
    SystemMessage,
    Text,
    Thinking,
    ThinkingLevel,
    ToolCall,
    ToolResultMessage,
    Usage,
    UserMessage,
)
from pi.llm.models import Model
from pi.llm.transcript import system_text
from pi.llm.unicode import utf16_len

CHARS_PER_TOKEN = 4
IMAGE_CHARS = 4_800
SAFETY_TOKENS = 4_096
SAFETY_PERCENT = 15  # providers count several percent more than we estimate
ROOM_FOR_RATIO = 32_768  # nearer to the end of the window the fixed margin must do
MIN_ANSWER_TOKENS = 1_024

THINKING_BUDGETS: dict[str, int] = {"minimal": 1_024, "low": 2_048, "medium": 8_192, "high": 16_384}


def estimate_text(text: str) -> int:
    """Tokens of a text: four characters each, rounded up."""
    return _tokens(utf16_len(text))


def estimate_message(message: Message) -> int:
    """Tokens of one message; an image counts 1,200."""
    match message:
        case UserMessage() | ToolResultMessage():
            return _tokens(_content_chars(message.content))
        case AssistantMessage():
            return _tokens(sum(_block_chars(block) for block in message.content))
        case SystemMessage():
            return (
                estimate_text(system_text(message))
                + _declared(message.tools_added)
                + _declared(message.tools_removed)
            )


def estimate_context(context: Context) -> int:
    """Tokens of the next request: what the last good answer reported, and an estimate of what follows it."""
    messages = context.messages
    last = _last_reported(messages)
    if last is None:
        whole = estimate_text(context.system) + _declared(context.tools)
        return whole + sum(map(estimate_message, messages))
    index, reported = last
    return reported + sum(map(estimate_message, messages[index + 1 :]))


def context_tokens(usage: Usage) -> int:
    """Tokens that a request and its answer took in the window."""
    return usage.total_tokens or usage.input + usage.output + usage.cache_read + usage.cache_write


def output_cap(model: Model, context: Context, wanted: int | None = None) -> int:
    """The most tokens to ask for: `wanted` or the model's own limit, at most what the window has left."""
    return _fit(model.max_tokens if wanted is None else wanted, _room(model, context))


def thinking_budget(level: ThinkingLevel, budgets: Mapping[str, int] | None = None) -> int:
    """Tokens for thinking at a level; `budgets` replaces single entries of the default table."""
    if level == "off":
        return 0
    key = "high" if level in ("xhigh", "max") else level
    return (budgets or {}).get(key, THINKING_BUDGETS[key])


def leave_answer_room(budget: int, ceiling: int) -> int:
    """A thinking budget, cut so that the answer keeps at least 1,024 tokens of a shared ceiling."""
    return min(budget, max(0, ceiling - MIN_ANSWER_TOKENS))


def thinking_caps(
    model: Model,
    context: Context,
    level: ThinkingLevel,
    *,
    wanted: int | None = None,
    budgets: Mapping[str, int] | None = None,
) -> tuple[int, int]:
    """Output limit and thinking budget where both share one ceiling; `wanted` counts the answer alone."""
    room = _room(model, context)
    budget = thinking_budget(level, budgets)
    answer = _fit(model.max_tokens if wanted is None else wanted, room)
    cap = _fit(min(answer + budget, model.max_tokens), room)
    return cap, leave_answer_room(budget, cap)


def _room(model: Model, context: Context) -> int | None:
    """Tokens that the window has left for output; None when the window is unknown."""
    if model.context_window <= 0:
        return None
    used = estimate_context(context)
    free = model.context_window - used
    room = free - max(SAFETY_TOKENS, _ceil_div(used * SAFETY_PERCENT, 100))
    if room < ROOM_FOR_RATIO:
        room = min(ROOM_FOR_RATIO, free - SAFETY_TOKENS)
    return max(1, room)


def _fit(wanted: int, room: int | None) -> int:
    return max(1, wanted) if room is None else min(wanted, room)


def _last_reported(messages: Sequence[Message]) -> tuple[int, int] | None:
    """Index and tokens of the last answer whose usage describes what now stands before it.

    A message that is newer than an answer behind it was put there later, as a compaction's summary is: that
    answer's usage counts a prefix which is gone.
    """
    times = [message.timestamp for message in messages]
    newest = list(accumulate(times, max, initial=0))  # of those before each
    for index in reversed(range(len(messages))):  # nearly always the first answer it meets is the one
        message = messages[index]
        if (
            type(message) is AssistantMessage
            and message.timestamp >= newest[index]
            and message.stop_reason not in ("aborted", "error")
            and (tokens := context_tokens(message.usage)) > 0
        ):
            return index, tokens
    return None


def _content_chars(content: str | tuple[Text | Image, ...]) -> int:
    if isinstance(content, str):
        return utf16_len(content)
    return sum(utf16_len(block.text) if isinstance(block, Text) else IMAGE_CHARS for block in content)


def _block_chars(block: Text | Thinking | ToolCall) -> int:
    match block:
        case Text():
            return utf16_len(block.text)
        case Thinking():
            return utf16_len(block.thinking)
        case ToolCall():
            return utf16_len(block.name) + _json_chars(block.arguments)


def _declared(tools: Sequence[Any] | None) -> int:
    return _tokens(_json_chars(tools)) if tools else 0


def _json_chars(value: Any) -> int:
    try:
        return utf16_len(msgspec.json.encode(value).decode())
    except UnicodeEncodeError:  # an unpaired surrogate, which msgspec refuses to write
        return utf16_len(str(value))


def _tokens(chars: int) -> int:
    return _ceil_div(chars, CHARS_PER_TOKEN)


def _ceil_div(value: int, by: int) -> int:
    return -(-value // by)
