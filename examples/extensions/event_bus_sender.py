"""One half of two extensions that talk: it says "command:done" after each bash call of the model.

    pi -e examples/extensions/event_bus_sender.py -e examples/extensions/event_bus_listener.py

The topic and its data are the contract: `{"command": str, "ok": bool}`. Neither extension imports the other,
and each works alone.
"""

from pi.ext import Ctx, ExtensionAPI, ToolResultEvent


def extension(pi: ExtensionAPI) -> None:
    @pi.on("tool_result")
    async def done(event: ToolResultEvent, ctx: Ctx) -> None:
        if event.tool_name == "bash":
            await ctx.emit("command:done", {"command": event.arguments["command"], "ok": not event.is_error})
