"""Talks to an agent that is at work: what it hears next, what it hears last, and that it is enough.

    python examples/sdk/steer.py

Steering is heard after the tools that run now, a follow-up when the agent would stop. A run that is stopped
ends with a message that says so; what was said until then stays in the session.
"""

import asyncio
import os

import pi

ENOUGH = 20  # tool calls


async def main() -> None:
    session = await pi.create_agent_session(model=os.environ.get("MODEL"))
    calls = 0
    async with session.events() as events, asyncio.TaskGroup() as group:
        group.create_task(session.prompt("Count the lines of the Python files here, one by one."))
        async for event in events:
            match event:
                case pi.ToolExecutionStart():
                    calls += 1
                    if calls == 1:
                        await session.prompt("Leave out the tests.", when_busy="steer")
                        await session.prompt("Which file is the longest?", when_busy="follow_up")
                    elif calls > ENOUGH:
                        await session.abort()
                case pi.MessageEnd(message=pi.AssistantMessage() as message):
                    print(message.error_message or message.text)
                case pi.AgentSettled():
                    break
                case _:
                    pass
    await session.close()


if __name__ == "__main__":
    asyncio.run(main())
