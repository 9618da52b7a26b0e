"""The twin of rpc/extension-ui's ui.js: asks things, fails, adds, forbids the shell."""

import json
from typing import Any

from pi.ext import Block, Ctx, ExtensionAPI, Progress, ToolError, ToolResult, text_result


def extension(pi: ExtensionAPI) -> None:
    @pi.command("ask", "ask things")
    async def ask(args: str, ctx: Ctx) -> None:
        answers = [
            await ctx.ui.select("Pick one", ["red", "blue"]),
            await ctx.ui.confirm("Sure?", "Really do it"),
            await ctx.ui.input("Name", "placeholder"),
            await ctx.ui.editor("Edit", "prefill"),
        ]
        ctx.ui.notify("got " + json.dumps(answers, separators=(",", ":")), "info")
        ctx.ui.status("busy", "k")
        ctx.ui.widget(["l1", "l2"], "w")
        ctx.ui.title("T")
        ctx.ui.editor_text = "E"

    @pi.command("boom", "throws")
    async def boom(args: str, ctx: Ctx) -> None:
        raise ToolError("boom")

    @pi.tool(name="adder")
    async def adder(a: float, b: float, *, progress: Progress) -> ToolResult:
        """adds"""
        progress("adding")
        return text_result(f"{a + b:g}", {"sum": a + b})

    @pi.on("tool_call")
    def forbid(event: Any, ctx: Ctx) -> Block | None:
        return Block("no shell today") if event.tool_name == "bash" else None
