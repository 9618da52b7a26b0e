"""`/summarize [focus]`: what this conversation came to, for you, out of the model's sight.

    pi -e examples/extensions/summarize.py

It asks the session's model, or the one of the setting `model` (such as "claude-haiku-5-5"). The summary opens
in an editor, where it can be copied; where there is none, it is a notice.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from pi.ext import AssistantMessage, Ctx, ExtensionAPI, Text, UserMessage

TASK = "Sum up this conversation between a user and a coding agent so that the user can go on next week."
WANTED = "Headings: goal, decisions, done, open questions, next steps. At most 300 words."


def extension(pi: ExtensionAPI) -> None:
    model = pi.setting("model", None, "Who sums up; by default the session's model", type=str)

    @pi.command("summarize")
    async def summarize(args: str, ctx: Ctx) -> None:
        """Sum up the conversation: /summarize [what to look at most]"""
        text = "\n\n".join(spoken(ctx.session.messages))
        if not text:
            ctx.ui.notify("Nothing was said yet.", "warning")
            return
        ctx.ui.notify("Summing up…")
        focus = f"Look at this most: {args}" if args else ""
        prompt = "\n\n".join(filter(None, (TASK, WANTED, focus, f"<conversation>\n{text}\n</conversation>")))
        summary = (await ctx.complete(prompt, model=model.get())).text
        if ctx.ui.available:
            await ctx.ui.editor("Summary", summary)
        else:
            ctx.ui.notify(summary)


def spoken(messages: Sequence[Any]) -> Iterator[str]:
    """What was said, and which tools were called; their results would only be long."""
    for message in messages:
        match message:
            case UserMessage(content=str(text)):
                yield f"User: {text}"
            case UserMessage(content=blocks):
                yield "User: " + "\n".join(block.text for block in blocks if isinstance(block, Text))
            case AssistantMessage():
                calls = [f"[called {call.name} with {call.arguments}]" for call in message.tool_calls]
                yield "Agent: " + "\n".join(filter(None, (message.text, *calls)))
            case _:
                pass
