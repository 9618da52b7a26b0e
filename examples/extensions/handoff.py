"""`/handoff GOAL`: goes on in a new session that knows from this one what the goal needs, and no more.

    pi -e examples/extensions/handoff.py
    > /handoff do the same for the command-line client

The model writes the first prompt of the new session; you can change it before it is sent. Where nobody can,
it is sent as it is.
"""

from pi.ext import Ctx, ExtensionAPI, conversation_text

TASK = """\
A coding agent is going to work on the goal below in a new session, where it knows nothing of this
conversation. Write the prompt for it: what it must know (decisions and why, findings, files by path), then
the task. Leave out what the goal doesn't need. Answer with the prompt alone."""


def extension(pi: ExtensionAPI) -> None:
    @pi.command("handoff")
    async def handoff(args: str, ctx: Ctx) -> None:
        """Go on in a new session with what it needs to know: /handoff GOAL"""
        text = conversation_text(ctx.session.messages)
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
        fresh = await ctx.new_session(parent=ctx.session.file)
        if fresh is None:  # another extension refused
            ctx.ui.notify("Nothing was handed off: this session can't be left now.", "warning")
        else:
            await fresh.say(prompt)
