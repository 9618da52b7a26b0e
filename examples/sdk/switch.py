"""One conversation, two models: a strong one plans, a cheap one does the work.

    PLANNER=anthropic/claude-opus-4-5 MODEL=anthropic/claude-haiku-4-5 \\
        python examples/sdk/switch.py "Add a --quiet flag"

The second one gets the conversation as it is, and the first one's plan in it.
"""

import asyncio
import os
import sys

import pi


async def main(task: str) -> None:
    planner = pi.ModelChoice(os.environ.get("PLANNER"), thinking="high")
    session = await pi.create_agent_session(model=planner)
    try:
        await session.prompt(f"Plan this in five short steps, and change nothing yet: {task}")
        model = session.setup.registry.find(*os.environ["MODEL"].split("/", 1))
        if model is None:
            raise SystemExit(f"There is no model {os.environ['MODEL']}; `pi --list-models` shows all.")
        await session.models.use(model, "low")
        await session.prompt("Do it.")
        if (answer := session.last_message) is not None:
            print(f"{answer.model}: {answer.error_message or answer.text}")
    finally:
        await session.close()


if __name__ == "__main__":
    asyncio.run(main(" ".join(sys.argv[1:]) or "Add a --quiet flag."))
