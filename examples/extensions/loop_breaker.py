"""An end to loops: a tool call that had the same result three times in a row isn't run again.

    pi -e examples/extensions/loop_breaker.py

The model reads why, and what to do instead; if it tries the same call once more, the run ends. Another call
or another result begins the count anew, so waiting for something that changes goes on. How many results it
takes is the setting `times`.
"""

from typing import Any

from pi.ext import AgentStart, Block, Ctx, ExtensionAPI, ToolCallEvent, ToolResultEvent


def extension(pi: ExtensionAPI) -> None:
    times = pi.setting("times", 3, "How many equal results are enough")
    last_call: Any = None
    last_result: Any = None
    count = 0
    blocked = False

    @pi.on("agent_start")
    def begin(event: AgentStart, ctx: Ctx) -> None:
        nonlocal last_call, last_result, count, blocked
        last_call, last_result, count, blocked = None, None, 0, False

    @pi.on("tool_result")
    def see(event: ToolResultEvent, ctx: Ctx) -> None:
        nonlocal last_call, last_result, count, blocked
        call, result = (event.tool_name, event.arguments), event.result.content
        count = count + 1 if (call, result) == (last_call, last_result) else 1
        last_call, last_result, blocked = call, result, False

    @pi.gate  # it sees a call as it would run, after what other extensions changed
    def stop(event: ToolCallEvent, ctx: Ctx) -> Block | None:
        nonlocal blocked
        if count < times.get() or (event.tool_name, event.arguments) != last_call:
            return None
        if blocked:
            ctx.ui.notify(f"Stopped: the model repeats the same {event.tool_name} call.", "warning")
        again, blocked = blocked, True
        return Block(
            f"This call had the same result {count} times in a row. Don't repeat it: try another way, or "
            "tell the user what is in your way.",
            terminate=again,
        )
