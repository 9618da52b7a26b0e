"""Commands inside of prompts: `!{command}` is replaced by what the command prints.

    pi -e examples/extensions/inline_bash.py
    > Explain the last commit: !{git show --stat}

Only what a person wrote is expanded, never text from other extensions. A command that fails or takes longer
than 30 s is shown as such, so that the model doesn't take its message for an answer.
"""

import re

from pi.ext import Ctx, ExtensionAPI, Input

COMMAND = re.compile(r"!\{([^{}]+)\}")
TIMEOUT = 30.0  # s, for one command
MOST = 20_000  # characters of one command's output


def extension(pi: ExtensionAPI) -> None:
    @pi.on("input", limit=None)
    async def expand(event: Input, ctx: Ctx) -> str | None:
        if event.source == "extension" or not COMMAND.search(event.text):
            return None
        parts: list[str] = []
        at = 0
        for found in COMMAND.finditer(event.text):
            parts += event.text[at : found.start()], await output_of(found[1], ctx)
            at = found.end()
        return "".join((*parts, event.text[at:]))


async def output_of(command: str, ctx: Ctx) -> str:
    """What stands in the place of a command."""
    ran = await ctx.exec(["bash", "-c", command], timeout=TIMEOUT)
    output = ran.output.strip()
    if len(output) > MOST:
        output = f"{output[:MOST]}\n[cut after {MOST} of {len(output)} characters]"
    if ran.ok:
        return output
    why = f"took longer than {TIMEOUT:g} s" if ran.timed_out else f"exited with code {ran.code}"
    ctx.ui.notify(f"!{{{command}}} {why}", "warning")
    return f"[`{command}` {why}: {output}]"
