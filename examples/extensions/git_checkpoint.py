"""Keeps the files of a git repository at every turn, so that a fork can have them as they were then.

    pi -e examples/extensions/git_checkpoint.py

Each checkpoint is a commit of all files that git doesn't ignore, new ones too, under `refs/pi/SESSION`;
branches, index and files aren't touched. After a fork it offers to put the files back; where nobody can
answer they stay. What they were before that is a checkpoint too: `git log refs/pi/SESSION`.
"""

import shutil
from pathlib import Path

from pi.ext import Ctx, ExtensionAPI, PiError, SessionShutdown, SessionStart, TurnEnd, TurnStart

WHO = {f"GIT_{role}_{what}": "pi@localhost" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def extension(pi: ExtensionAPI) -> None:
    latest = pi.state("commit", "", type=str)

    async def keep(ctx: Ctx) -> str:
        commit = await checkpoint(ctx, latest.get(ctx))
        if commit != latest.get(ctx):
            latest.set(ctx, commit)
        return commit

    @pi.on("turn_start", limit=120)
    async def begin(event: TurnStart, ctx: Ctx) -> None:
        if event.turn_index == 0:  # the user may have changed something since the last turn
            await keep(ctx)

    @pi.on("turn_end", limit=120)
    async def end(event: TurnEnd, ctx: Ctx) -> None:
        await keep(ctx)

    @pi.on("session_start", limit=120)
    async def start(event: SessionStart, ctx: Ctx) -> None:
        if event.reason == "fork" and ctx.ui.available:
            await offer(ctx, latest.get(ctx))  # of this branch: the files as they were where the fork begins

    @pi.on("session_shutdown")
    def forget(event: SessionShutdown, ctx: Ctx) -> None:
        index_of(ctx).unlink(missing_ok=True)


async def offer(ctx: Ctx, then: str) -> None:
    now = await checkpoint(ctx, then)
    if then in ("", now) or not await ctx.ui.confirm(
        "Put the files back too?", "As they were at that point."
    ):
        return
    if await git(ctx, "read-tree", "--reset", "-u", then) is None:
        ctx.ui.notify("git couldn't put the files back.", "error")
    else:
        ctx.ui.notify(f"The files are as they were then. Before that they were {now[:12]}.")


async def checkpoint(ctx: Ctx, last: str) -> str:
    """A commit of the files as they are; the `last` one when nothing changed, or git can't make another."""
    folder = await git(ctx, "rev-parse", "--git-dir")
    if folder is None:
        return last
    own = ctx.cwd / folder / "index"
    if own.exists() and not index_of(ctx).exists():
        shutil.copy(own, index_of(ctx))  # git knows from it what is tracked, and needn't be read again
    if await git(ctx, "add", "--all") is None:
        return last
    tree = await git(ctx, "write-tree")
    if not tree or (last and tree == await git(ctx, "rev-parse", f"{last}^{{tree}}")):
        return last
    parent = ("-p", last) if last and await git(ctx, "cat-file", "-e", last) is not None else ()
    commit = await git(ctx, "commit-tree", tree, *parent, "-m", f"pi {ctx.session.id}")
    if commit:
        await git(ctx, "update-ref", f"refs/pi/{ctx.session.id}", commit)  # else git would clear it away
    return commit or last


async def git(ctx: Ctx, *words: str) -> str | None:
    """What git says, with an index of our own; None when it fails."""
    try:
        ran = await ctx.exec(
            ["git", *words], env={**WHO, "GIT_INDEX_FILE": str(index_of(ctx))}, stderr="drop"
        )
    except PiError:  # there is no git
        return None
    return ran.output.strip() if ran.ok else None


def index_of(ctx: Ctx) -> Path:
    return ctx.cache_dir / f"{ctx.session.id}.index"
