"""Shows text as it comes, and tools as they run.

    python examples/sdk/watch.py "Run the tests and mend what fails"

The events wait until they are read: a slow reader misses none, and the agent doesn't wait for it.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterable

import pi


async def show(events: AsyncIterable[object]) -> None:
    async for event in events:
        match event:
            case pi.MessageUpdate(assistant_message_event=pi.BlockDelta(type="text_delta", delta=text)):
                print(text, end="", flush=True)
            case pi.MessageEnd(message=pi.AssistantMessage(text=text)) if text:
                print()
            case pi.ToolExecutionStart(tool_name=name, args=arguments):
                print(f"[{name} {arguments}]")
            case pi.ToolExecutionEnd(tool_name=name, is_error=True):
                print(f"[{name} failed]")
            case _:
                pass


async def main(task: str) -> None:
    session = await pi.create_agent_session(model=os.environ.get("MODEL"))
    async with asyncio.TaskGroup() as group:
        group.create_task(show(session.events()))  # it ends when the session is closed
        try:
            await session.prompt(task)
        finally:
            await session.close()


if __name__ == "__main__":
    asyncio.run(main(" ".join(sys.argv[1:]) or "What is in this folder?"))
