"""`/handoff GOAL`: goes on in a new session that knows from this one what the goal needs, and no more.

    pi -e examples/extensions/handoff.py
    > /handoff do the same for the command-line client

The model writes the first prompt of the new session; you can change it before it is sent. Where nobody can,
it is sent as it is.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from pi.ext import AssistantMessage, Ctx, ExtensionAPI, Text, UserMessage

TASK = """\
A coding agent is going to work on the goal below in a new session, where it knows nothing of this
conversation. Write the prompt for it: what it must know (decisions and why, findings, files by path), then
the task. Leave out what the goal doesn't need. Answer with the prompt alone."""


def extension(pi: ExtensionAPI) -> None:
    @pi.command("handoff")
    async def handoff(args: str, ctx: Ctx) -> None:
        """Go on in a new session with what it needs to know: /handoff GOAL"""
        text = "\n\n".join(spoken(ctx.session.messages))
        if not (args and text):
            ctx.ui.notify("Nothing was said yet." if args else "Usage: /handoff GOAL", "warning")
            return
        ctx.ui.working("Writing the prompt for the new session…")
        try:
            answer = await ctx.complete(f"{TASK}\n\n<conversation>\n{text}\n</conversation>\n\nGoal: {args}")
        finally:
            ctx.ui.working(None)
        prompt: str | None = answer.text
        if ctx.ui.available:
            prompt = await ctx.ui.editor("The first prompt of the new session", answer.text)
        if not prompt or not prompt.strip():
            ctx.ui.notify("Nothing was handed off.")
            return
        old = ctx.session.id
        fresh = await ctx.new_session()
        if fresh.session.id == old:  # another extension refused
            fresh.ui.notify("Nothing was handed off: this session can't be left now.", "warning")
            return
        await fresh.say(prompt)


def spoken(messages: Sequence[Any]) -> Iterator[str]:
    """What was said, what it was summed up to, and which tools were called; their results are too long."""
    for message in messages:
        match message:
            case UserMessage(content=str(text)):
                yield f"User: {text}"
            case UserMessage(content=blocks):
                yield "User: " + "\n".join(block.text for block in blocks if isinstance(block, Text))
            case AssistantMessage():
                calls = [f"[called {call.name} with {call.arguments}]" for call in message.tool_calls]
                yield "\n".join(("Agent: " + message.text, *calls))
            case _ if hasattr(message, "summary"):  # of a compaction or of a branch
                yield f"Before that: {message.summary}"
            case _:
                pass
