"""Tools made while Pi runs: `/tool NAME COMMAND` gives the model a tool that runs a fixed shell command.

    pi -e examples/extensions/dynamic_tools.py
    > /tool check uv run pytest -q
    > /tool check                       takes it away again

The tools are state of the session's branch: they come back when it is resumed, and on a branch without them
they are gone. A tool runs its command through `bash`, so handlers and gates judge it as always.
"""

from pi.ext import Ctx, Effects, ExtensionAPI, SessionStart, SessionTree, ToolResult


def extension(pi: ExtensionAPI) -> None:
    commands = pi.state("commands", dict[str, str](), type=dict[str, str])
    declared: dict[str, str] = {}

    def follow(ctx: Ctx) -> None:
        """Have the tools that this branch has."""
        wanted = commands.get(ctx)
        for name, command in [*declared.items()]:
            if wanted.get(name) != command:
                pi.unregister("tool", name)
        for name, command in wanted.items():
            if declared.get(name) != command:
                declare(pi, name, command)
        declared.clear()
        declared.update(wanted)

    @pi.on("session_start")
    def start(event: SessionStart, ctx: Ctx) -> None:
        follow(ctx)

    @pi.on("session_tree")
    def moved(event: SessionTree, ctx: Ctx) -> None:
        follow(ctx)

    @pi.command("tool")
    def tool(args: str, ctx: Ctx) -> None:
        """Make a tool of a shell command: /tool NAME COMMAND; without a command it is taken away"""
        name, _, command = args.partition(" ")
        others = {known: text for known, text in commands.get(ctx).items() if known != name}
        if problem := objection(name, command, ctx, made_here=name in commands.get(ctx)):
            ctx.ui.notify(problem, "warning")
            return
        commands.set(ctx, {**others, name: command} if command else others)
        follow(ctx)
        ctx.ui.notify(f"The tool {name} runs: {command}" if command else f"The tool {name} is gone.")


def declare(pi: ExtensionAPI, name: str, command: str) -> None:
    """Give the model the tool."""

    @pi.tool(
        name=name,
        description=f"Run `{command}` in the project folder and show its output.",
        effects=lambda arguments, cwd: Effects(commands=(command,)),
    )
    async def run(*, ctx: Ctx) -> ToolResult:
        return await ctx.tools.call("bash", command=command)


def objection(name: str, command: str, ctx: Ctx, *, made_here: bool) -> str | None:
    """Why there can't be such a tool, or None."""
    if not (name.isascii() and name.isidentifier()):
        return "Usage: /tool NAME [COMMAND]; the name is made of letters, digits and _"
    if not made_here and (not command or ctx.tools.get(name)):
        return f"No tool {name} was made here." if not command else f"Take another name: {name} is a tool."
    return None
