"""Messages with a look of their own: `/status [warn|error] text` tells the model and shows a marked line.

    pi -e examples/extensions/message_renderer.py

The model reads the text; people see what the renderer makes of it. Level and time lie in the message's
`details`, which are saved and never sent, so a resumed session looks the same.
"""

from datetime import UTC, datetime
from typing import Any

from pi.ext import Ctx, ExtensionAPI, Note

KIND = "status-update"
MARKS = {"info": "●", "warn": "▲", "error": "■"}


def extension(pi: ExtensionAPI) -> None:
    @pi.command("status")
    async def status(args: str, ctx: Ctx) -> None:
        """Tell the model how things stand: /status [warn|error] text"""
        first, _, rest = args.partition(" ")
        level, text = (first, rest.strip()) if first in MARKS else ("info", args)
        if not text:
            ctx.ui.notify("Usage: /status [warn|error] text", "warning")
            return
        at = datetime.now(UTC).isoformat(timespec="seconds")
        await ctx.send(Note(KIND, text, details={"level": level, "at": at}))

    @pi.render("message", KIND)
    def show(message: Any, ctx: Ctx) -> list[str]:
        details: dict[str, str] = message.details if isinstance(message.details, dict) else {}
        level = details.get("level", "info")
        head = f"{MARKS.get(level, '●')} {level.upper()}  {details.get('at', '')}".rstrip()
        return [head, *(f"  {line}" for line in str(message.content).splitlines())]
