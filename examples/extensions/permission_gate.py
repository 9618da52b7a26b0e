"""Asks before a dangerous shell command runs: `rm -r`, `sudo`, `chmod 777`, a forced push and the like.

    pi -e examples/extensions/permission_gate.py

As a gate it sees the final arguments of every call, whichever tool runs the command. Where nobody can answer,
the command isn't run. The setting `patterns` adds regular expressions to those below:

    {"extensionSettings": {"permission_gate": {"patterns": ["\\\\bterraform +apply\\\\b"]}}}

It guards against mistakes; against a model that means harm, only a sandbox does.
"""

import re

from pi.ext import Block, Ctx, ExtensionAPI, ToolCallEvent

DANGEROUS = (
    r"\brm\b.*\s(-\w*[rf]|--recursive|--force)",
    r"\bsudo\b",
    r"\b(chmod|chown)\b.*777",
    r"\bgit\s+push\b.*\s(-f\b|--force)",
    r"\bgit\s+(reset\s+--hard|clean\b.*\s-\w*f)",
    r"\b(mkfs|shutdown|reboot)\b|\bdd\b.*\bof=",
)
ONCE, ALWAYS, NEVER = "Yes, once", "Yes, this command from now on", "No"


def extension(pi: ExtensionAPI) -> None:
    patterns = pi.setting("patterns", [], "More regular expressions of commands to ask about", type=list[str])
    allowed: set[str] = set()  # until Pi ends or another session begins

    @pi.gate
    async def ask(event: ToolCallEvent, ctx: Ctx) -> Block | None:
        wanted = [*DANGEROUS, *patterns.get()]
        for command in event.effects.commands:
            dangerous = any(re.search(each, command, re.IGNORECASE) for each in wanted)
            if not dangerous or command in allowed:
                continue
            if not ctx.ui.available:
                return Block("This command needs the user's consent, and nobody is there. Find a safer way.")
            answer = await ctx.ui.select(f"Run this command?\n\n{command}", [ONCE, ALWAYS, NEVER])
            if answer == ALWAYS:
                allowed.add(command)
            elif answer != ONCE:
                return Block("The user doesn't want this command. Ask what to do instead.")
        return None
