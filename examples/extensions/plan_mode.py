"""Plan first: while plan mode is on the model can look at everything and change nothing.

    pi -e examples/extensions/plan_mode.py --plan

`/plan` or Ctrl+Alt+P turns it on and off; `/plan go` turns it off and has the plan carried out. Tools that
change things are taken away, a gate judges all calls by what they are going to do, and a section of the
system prompt says what is wanted. The mode is state of the branch: a resumed session is still planning.
"""

import shlex

from pi.ext import (
    BeforeAgentStart,
    Block,
    Ctx,
    ExtensionAPI,
    Sections,
    SessionStart,
    SessionTree,
    ToolCallEvent,
)

PROMPT = """\
The user wants a plan, not changes. Look at what is there, ask about what isn't clear, then write the steps as
a numbered list: for each one what changes, where, and how to see that it works. Don't change anything."""
GO = "The plan is good. Carry it out step by step, and say after each one that it is done."
LOOKS = {"ls", "cat", "head", "tail", "wc", "grep", "pwd", "stat", "du"}
GIT_LOOKS = {"status", "log", "diff", "show"}


class PlanMode:
    def __init__(self, pi: ExtensionAPI):
        self.before = pi.state("before", None, type=list[str])  # the tools to go back to; None: not planning
        self.applied: list[str] | None = None

    def on(self, ctx: Ctx) -> bool:
        return self.before.get(ctx) is not None

    def switch(self, ctx: Ctx, *, on: bool) -> None:
        if on != self.on(ctx):
            self.before.set(ctx, ctx.tools.active if on else None)
            self.follow(ctx)
        ctx.ui.notify("Plan mode is on: nothing gets changed." if on else "Plan mode is off.")

    def follow(self, ctx: Ctx) -> None:
        """Have the tools that belong to this branch."""
        tools = self.before.get(ctx)
        if tools is not None:
            ctx.tools.use([name for name in tools if may_look(name, ctx)])
        elif self.applied is not None:
            ctx.tools.use(self.applied)
        self.applied = tools
        ctx.ui.status(None if tools is None else "planning")


def extension(pi: ExtensionAPI) -> None:
    flag = pi.flag("plan", False, "Begin in plan mode")
    mode = PlanMode(pi)

    @pi.command("plan")
    async def plan(args: str, ctx: Ctx) -> None:
        """Plan mode on or off; /plan go carries the plan out"""
        mode.switch(ctx, on=args != "go" and not mode.on(ctx))
        if args == "go":
            await ctx.say(GO, when="follow_up")

    @pi.shortcut("ctrl+alt+p", "Plan mode on or off")
    def toggle(ctx: Ctx) -> None:
        mode.switch(ctx, on=not mode.on(ctx))

    @pi.on("session_start")
    def start(event: SessionStart, ctx: Ctx) -> None:
        mode.follow(ctx)
        if flag.get() and event.reason == "startup":
            mode.switch(ctx, on=True)

    @pi.on("session_tree")
    def moved(event: SessionTree, ctx: Ctx) -> None:
        mode.follow(ctx)

    @pi.on("before_agent_start")
    def tell(event: BeforeAgentStart, ctx: Ctx) -> Sections | None:
        return Sections({"plan_mode": PROMPT}) if mode.on(ctx) else None

    @pi.gate
    def judge(event: ToolCallEvent, ctx: Ctx) -> Block | None:
        if not mode.on(ctx) or only_looks(event, ctx):
            return None
        return Block("Plan mode is on, and this could change something. Look around, then write the plan.")


def may_look(name: str, ctx: Ctx) -> bool:
    tool = ctx.tools.get(name)
    return tool is not None and (name == "bash" or "destructive" not in tool.hints)


def only_looks(event: ToolCallEvent, ctx: Ctx) -> bool:
    tool, effects = ctx.tools.get(event.tool_name), event.effects
    if effects.writes or not all(map(is_look, effects.commands)):
        return False
    return effects.known or (tool is not None and "read_only" in tool.hints)


def is_look(command: str) -> bool:
    """Whether a shell command only shows things: programs that are known for it, joined by `|` at most."""
    if any(character in command for character in ";&<>$`({\n"):
        return False
    try:
        return all(shows(shlex.split(part)) for part in command.split("|"))
    except ValueError:  # a quote without its end, such as around a |
        return False


def shows(words: list[str]) -> bool:
    if words[:1] == ["git"]:
        writes = any(word.startswith("--o") for word in words)  # --output; its beginning is enough
        return words[1:2] != [] and words[1] in GIT_LOOKS and not writes
    return words[:1] != [] and words[0] in LOOKS
