"""The twin of rpc/tree-navigation's ext.js: goes to an entry, labels one."""

from pi.ext import Ctx, ExtensionAPI


def extension(pi: ExtensionAPI) -> None:
    @pi.command("nav", "go to an entry")
    async def nav(args: str, ctx: Ctx) -> None:
        entry_id, how, *rest = args.split(" ")
        moved = await ctx.navigate(entry_id, summarize=how == "sum", instructions=" ".join(rest) or None)
        ctx.session.append("nav-result", {"cancelled": moved.cancelled})

    @pi.command("mark", "label an entry")
    async def mark(args: str, ctx: Ctx) -> None:
        entry_id, _, label = args.partition(" ")
        await ctx.session.set_label(entry_id, label or None)
