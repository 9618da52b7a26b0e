"""A model that is two: a strong one plans, and after the first change to a file a cheap one does the work.

    pi -e examples/extensions/router.py --model auto/plan-then-work

Which two is up to the settings `strong` and `cheap`. The phase lies on the session's branch: a fork from
before the first change plans again, and the switch costs the prompt cache only once. A message that begins
with "plan" plans anew.
"""

from collections.abc import Sequence
from typing import Any

from pi.ext import Ctx, ExtensionAPI, Route, RouteRequest, Text, ToolResultMessage, UserMessage

CHANGES = ("edit", "write")  # tools that end the planning when they succeed


def extension(pi: ExtensionAPI) -> None:
    strong = pi.setting("strong", "anthropic/claude-opus-5-5", "Who plans")
    cheap = pi.setting("cheap", "anthropic/claude-haiku-5-5", "Who works")

    @pi.virtual_model(
        "auto/plan-then-work",
        name="Plan, then work",
        levels=("off", "low", "medium", "high"),
        context_window=200_000,
        max_tokens=32_000,
    )
    def choose(request: RouteRequest, ctx: Ctx) -> Route:
        if request.reason == "direct":  # a summary or the like, outside of the conversation
            return Route(ctx.models.find(cheap.get()), request.thinking_level)
        phase = next_phase(request)
        model = ctx.models.find((strong if phase == "plan" else cheap).get())
        return Route(model, request.thinking_level, state=phase if phase != request.state else None)


def next_phase(request: RouteRequest) -> str:
    """ "plan" or "work", from the phase so far and what happened since the user spoke."""
    said, since = last_word(request.messages)
    if request.reason == "user" and said.lower().startswith("plan"):
        return "plan"
    changed = any(
        isinstance(message, ToolResultMessage) and message.tool_name in CHANGES and not message.is_error
        for message in since
    )
    return "work" if changed else request.state or "plan"


def last_word(messages: Sequence[Any]) -> tuple[str, Sequence[Any]]:
    """What the user said last, and all messages after that."""
    for at in range(len(messages) - 1, -1, -1):
        if isinstance(message := messages[at], UserMessage):
            blocks = [Text(message.content)] if isinstance(message.content, str) else message.content
            return " ".join(b.text for b in blocks if isinstance(b, Text)).strip(), messages[at + 1 :]
    return "", messages
