"""Segments for the footer: model, how full the context is, cost, and git branch.

    pi -e examples/extensions/footer.py

Each segment is one function; where space is short, those with a low priority go first. A footer is drawn
often, so what costs something is looked up when it may have changed, and kept.
"""

from pi.ext import AgentSettled, Ctx, ExtensionAPI, PiError, SessionStart, SessionTree, TurnEnd


class Known:
    """What was looked up last: USD, percent of the context, the name of the branch."""

    cost = 0.0
    percent = 0.0
    branch = ""

    def count(self, ctx: Ctx) -> None:
        stats = ctx.stats
        self.cost, self.percent = stats.cost, stats.context.percent

    async def look(self, ctx: Ctx) -> None:
        try:
            git = await ctx.exec(["git", "branch", "--show-current"], timeout=5, stderr="drop")
            self.branch = git.output.strip() if git.ok else ""
        except PiError:
            self.branch = ""  # there is no git


def extension(pi: ExtensionAPI) -> None:
    known = Known()

    @pi.on("session_start")
    async def start(event: SessionStart, ctx: Ctx) -> None:
        known.count(ctx)
        await known.look(ctx)

    @pi.on("session_tree")
    def moved(event: SessionTree, ctx: Ctx) -> None:
        known.count(ctx)

    @pi.on("turn_end")
    def turn(event: TurnEnd, ctx: Ctx) -> None:
        known.count(ctx)

    @pi.on("agent_settled")
    async def settled(event: AgentSettled, ctx: Ctx) -> None:
        await known.look(ctx)  # the agent may have changed branches

    @pi.footer("model", priority=90)
    def model(ctx: Ctx) -> str:
        return f"{ctx.models.current.id} ({ctx.models.level})"

    @pi.footer("context", priority=70)
    def context(ctx: Ctx) -> str:
        return f"{known.percent:.0f}%"

    @pi.footer("cost", priority=60)
    def cost(ctx: Ctx) -> str | None:
        return f"${known.cost:.3f}" if known.cost else None

    @pi.footer("branch", priority=50)
    def branch(ctx: Ctx) -> str | None:
        return f"⎇ {known.branch}" if known.branch else None
