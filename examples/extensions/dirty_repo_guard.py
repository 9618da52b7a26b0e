"""Keeps a session with uncommitted changes from being left: commit first, or say that you don't mind.

    pi -e examples/extensions/dirty_repo_guard.py

It looks at `git status` before a new session, another one or a fork. Where nobody can answer, the session
isn't left. Outside of a git repository it has no opinion.
"""

from pi.ext import Cancel, Ctx, ExtensionAPI, PiError, SessionBeforeFork, SessionBeforeSwitch

GO_ON, STAY = "Go on all the same", "Stay, I'll commit first"


def extension(pi: ExtensionAPI) -> None:
    @pi.on("session_before_switch")
    async def switch(event: SessionBeforeSwitch, ctx: Ctx) -> Cancel | None:
        return await objection(ctx)

    @pi.on("session_before_fork")
    async def fork(event: SessionBeforeFork, ctx: Ctx) -> Cancel | None:
        return await objection(ctx)


async def objection(ctx: Ctx) -> Cancel | None:
    changed = await uncommitted(ctx)
    if not changed:
        return None
    text = f"{changed} {'file has' if changed == 1 else 'files have'} uncommitted changes."
    if await ctx.ui.select(f"{text} Leave this session?", [GO_ON, STAY]) == GO_ON:
        return None
    ctx.ui.notify(f"{text} Commit or stash them first.", "warning")
    return Cancel(text)


async def uncommitted(ctx: Ctx) -> int:
    """How many files differ from the last commit, new ones included; 0 where git has nothing to say."""
    try:
        status = await ctx.exec(["git", "status", "--porcelain"], timeout=20, stderr="drop")
    except PiError:  # there is no git
        return 0
    return len(status.output.splitlines()) if status.ok else 0
