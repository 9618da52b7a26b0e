"""A conversation line by line, kept in a file: start it again, and it goes on.

    python examples/sdk/chat.py talk.jsonl

The file is a session like all others: `pi --session talk.jsonl` opens it, too.
"""

import asyncio
import os
import sys
from pathlib import Path

import pi


async def main(path: Path) -> None:
    session = await pi.create_agent_session(store=pi.Store.open(path), model=os.environ.get("MODEL"))
    if session.last_message is not None:
        print(f"(said last: {session.last_message.text})")
    try:
        while line := (await asyncio.to_thread(sys.stdin.readline)).strip():
            await session.prompt(line)
            answer = session.last_message
            if answer is not None:  # a failed request is no exception, but an answer with an error
                print(answer.error_message or answer.text)
    finally:
        await session.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1] if len(sys.argv) > 1 else "talk.jsonl")))
