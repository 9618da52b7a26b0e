"""`/tools`: which tools the model has, switched while you work.

    pi -e examples/extensions/tools.py
    > /tools                  pick them from a list
    > /tools +grep -bash      or name what changes; that works without a user interface too

The choice is state of the session's branch: it comes back when the session is resumed, and in the tree each
branch has its own.
"""

from pi.ext import Ctx, ExtensionAPI, Field, Option, SessionStart, SessionTree


def extension(pi: ExtensionAPI) -> None:
    chosen = pi.state("chosen", None, type=list[str])
    otherwise: list[str] | None = None  # the tools of branches where nothing was chosen

    @pi.on("session_start")
    def start(event: SessionStart, ctx: Ctx) -> None:
        follow(ctx)

    @pi.on("session_tree")
    def moved(event: SessionTree, ctx: Ctx) -> None:
        follow(ctx)

    def follow(ctx: Ctx) -> None:
        nonlocal otherwise
        names = chosen.get(ctx)
        if names is not None:
            otherwise = otherwise or ctx.tools.active
            ctx.tools.use(names)
        elif otherwise is not None:
            ctx.tools.use(otherwise)
            otherwise = None

    @pi.command("tools")
    async def tools(args: str, ctx: Ctx) -> None:
        """Switch tools on and off: /tools, or /tools +grep -bash"""
        wanted = changed(args.split(), ctx) if args else await picked(ctx)
        if wanted is not None and wanted != ctx.tools.active:
            chosen.set(ctx, wanted)
            follow(ctx)
        ctx.ui.notify(f"The model has: {', '.join(ctx.tools.active) or 'no tools'}.")


def names_of(ctx: Ctx) -> list[str]:
    return [tool.name for tool in ctx.tools if tool.exposure != "hidden"]


def changed(words: list[str], ctx: Ctx) -> list[str] | None:
    """The tools after `+name -name …`; None when a word can't be understood."""
    wanted = ctx.tools.active
    for word in words:
        sign, name = word[0], word[1:]
        if sign not in "+-" or name not in names_of(ctx):
            ctx.ui.notify(
                f'"{word}" is no change of tools. There are: {", ".join(names_of(ctx))}.', "warning"
            )
            return None
        wanted = [other for other in wanted if other != name] + ([name] if sign == "+" else [])
    return wanted


async def picked(ctx: Ctx) -> list[str] | None:
    options = tuple(Option(tool.name, tool.snippet or "") for tool in ctx.tools if tool.exposure != "hidden")
    field = Field("tools", "Tools for the model", "multi", options, default=ctx.tools.active)
    answer = await ctx.ui.form("Tools", [field])
    return answer["tools"] if answer else None
