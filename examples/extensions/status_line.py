"""A line in the footer that says which turn runs, and how long the last run took.

pi -e examples/extensions/status_line.py
"""

from time import monotonic

from pi.ext import AgentSettled, AgentStart, Ctx, ExtensionAPI, SessionStart, TurnStart


def extension(pi: ExtensionAPI) -> None:
    turns = 0
    began = 0.0

    @pi.on("session_start")
    def ready(event: SessionStart, ctx: Ctx) -> None:
        ctx.ui.status("ready")

    @pi.on("agent_start")
    def start(event: AgentStart, ctx: Ctx) -> None:
        nonlocal turns, began
        if not turns:  # a retry or a queued message goes on with the same work
            began = monotonic()

    @pi.on("turn_start")
    def turn(event: TurnStart, ctx: Ctx) -> None:
        nonlocal turns
        turns += 1
        ctx.ui.status(f"● turn {turns}")

    @pi.on("agent_settled")
    def settled(event: AgentSettled, ctx: Ctx) -> None:
        nonlocal turns
        mark = "✗ stopped after" if event.aborted else "✓"
        ctx.ui.status(f"{mark} {turns} turn{'s' * (turns != 1)}, {monotonic() - began:.0f} s")
        turns = 0
