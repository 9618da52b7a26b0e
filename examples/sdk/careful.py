"""An extension written in the program: before a shell command runs, somebody is asked.

    python examples/sdk/careful.py "Tidy up this folder"

All that extensions can do, they can do here, too: see docs/extensions.md.
"""

import asyncio
import os
import sys

import pi
from pi.ext import Block, ExtensionAPI, ToolCallEvent


def careful(api: ExtensionAPI) -> None:
    @api.gate(limit=None)  # people take their time
    async def ask(event: ToolCallEvent) -> Block | None:
        for command in event.effects.commands:
            print(f"Run `{command}`? [y/N]", flush=True)
            if (await asyncio.to_thread(sys.stdin.readline)).strip() != "y":
                return Block("The user doesn't want this command.")
        return None


async def main(task: str) -> None:
    extensions = pi.ExtensionChoice(inline=(careful,))
    print(await pi.run(task, extensions=extensions, model=os.environ.get("MODEL")))


if __name__ == "__main__":
    asyncio.run(main(" ".join(sys.argv[1:]) or "Tidy up this folder."))
