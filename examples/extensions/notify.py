"""Tells you when the agent is done, if it took a while: by your terminal, or by a program of yours.

    pi -e examples/extensions/notify.py

The terminal gets OSC 777 (or 99, in Kitty), which most of them show as a notification. With the setting
`command` that program is called with title and text instead, such as ["notify-send"]. `seconds` is how long a
run must take. Where nobody watches (`pi -p`, scripts), it is silent, and so it is when you stopped the run.
"""

import os
import sys
import time

from pi.ext import AgentSettled, AgentStart, Ctx, ExtensionAPI


def extension(pi: ExtensionAPI) -> None:
    command = pi.setting("command", [], "A program and its first arguments", type=list[str])
    seconds = pi.setting("seconds", 10.0, "Runs that are shorter don't matter", type=float)
    began: float | None = None

    @pi.on("agent_start")
    def start(event: AgentStart, ctx: Ctx) -> None:
        nonlocal began
        began = began if began is not None else time.monotonic()  # retries belong to the same run

    @pi.on("agent_settled")
    async def settled(event: AgentSettled, ctx: Ctx) -> None:
        nonlocal began
        took, began = time.monotonic() - (began or 0), None
        if event.aborted or took < seconds.get() or not ctx.ui.available:
            return
        text = f"{ctx.session.name or ctx.cwd.name} is waiting for you"
        if command.get():
            await ctx.exec([*command.get(), "Pi", text], timeout=10)
        elif ctx.mode == "tui":
            ring("Pi", text)


def ring(title: str, text: str) -> None:
    """Write to the terminal past the interface, which doesn't know these sequences."""
    terminal = sys.__stderr__
    if terminal is None or not terminal.isatty():
        return
    text = "".join(character for character in text if character.isprintable()).replace(";", ",")
    kitty = "KITTY_WINDOW_ID" in os.environ
    terminal.write(f"\x1b]99;;{title}: {text}\x1b\\" if kitty else f"\x1b]777;notify;{title};{text}\x1b\\")
    terminal.flush()
