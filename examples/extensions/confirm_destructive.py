"""Asks before the conversation is left: for a new session, for another one, for a fork.

    pi -e examples/extensions/confirm_destructive.py

A session that is saved isn't lost by any of these, but it is easy to do them by mistake. One in which nobody
has said anything is left without a question, and so is every session where nobody could answer.
"""

from pi.ext import Cancel, Ctx, ExtensionAPI, SessionBeforeFork, SessionBeforeSwitch

QUESTIONS = {"new": "Begin a new session?", "resume": "Go to the other session?"}


def extension(pi: ExtensionAPI) -> None:
    @pi.on("session_before_switch")
    async def switch(event: SessionBeforeSwitch, ctx: Ctx) -> Cancel | None:
        return await confirmed(ctx, QUESTIONS[event.reason])

    @pi.on("session_before_fork")
    async def fork(event: SessionBeforeFork, ctx: Ctx) -> Cancel | None:
        return await confirmed(ctx, "Go on in a copy of this session?")


async def confirmed(ctx: Ctx, question: str) -> Cancel | None:
    if not ctx.ui.available or not ctx.session.branch("message"):
        return None
    back = "/resume leads back to this one." if ctx.session.file else "This one isn't saved: it will be gone."
    if await ctx.ui.confirm(question, back):
        return None
    ctx.ui.notify("You are still in the same session.")
    return Cancel("The user stays in this session.")
