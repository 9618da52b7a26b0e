"""A provider of your own: a local program answers, as the model `program/local`.

    LOCAL_MODEL='python my_model.py' pi -e examples/extensions/custom_provider.py --model program/local

The program gets a request as one JSON object on stdin and prints its answer as JSON objects, one a line:
`{"text": …}`, `{"thinking": …}`, `{"tool": name, "arguments": {…}}`, `{"usage": {"input": 9, "output": 3}}`.
Pi does the rest: tools, sessions, costs, aborting.
"""

import asyncio
import json
import os
import shlex
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from itertools import count
from typing import Any

from pi.ext import ExtensionAPI, Model, PiError, Text, Thinking, ToolCall, Usage

Piece = str | Thinking | ToolCall | Usage
LINE = 16 * 1024 * 1024  # bytes, at most
numbers = count(1)


def extension(pi: ExtensionAPI) -> None:
    pi.provider(
        "program", stream=answer, models=[{"id": "local", "contextWindow": 32_000, "maxTokens": 4_000}]
    )


async def answer(model: Model, context: Any, options: Any) -> AsyncIterator[Piece]:
    """The pieces of one response."""
    argv = shlex.split(os.environ.get("LOCAL_MODEL", ""))
    if not argv:
        raise PiError("Set LOCAL_MODEL to the program that answers, such as 'python my_model.py'.")
    program = await asyncio.create_subprocess_exec(*argv, stdin=PIPE, stdout=PIPE, stderr=PIPE, limit=LINE)
    assert program.stdin and program.stdout and program.stderr
    try:
        program.stdin.write(json.dumps(request(context)).encode())
        program.stdin.write_eof()
        async for line in program.stdout:
            yield piece(json.loads(line))
        if code := await program.wait():
            said = (await program.stderr.read()).decode(errors="replace").strip()
            raise PiError(f"{argv[0]} exited with code {code}. {said[-500:]}".rstrip())
    finally:
        if program.returncode is None:  # the user stopped the response
            program.kill()
            await program.wait()


def request(context: Any) -> dict[str, Any]:
    """What the program is told: the prompt, who said what, and the tools."""

    def text(content: Any) -> str:
        return (
            content if isinstance(content, str) else "\n".join(b.text for b in content if isinstance(b, Text))
        )

    messages = [{"from": type(each).__name__, "text": text(each.content)} for each in context.messages]
    tools = [{"name": tool.name, "parameters": tool.parameters} for tool in context.tools]
    return {"system": context.system, "messages": messages, "tools": tools}


def piece(line: dict[str, Any]) -> Piece:
    """A line of the program as a piece of the response."""
    match line:
        case {"text": str(text)}:
            return text
        case {"thinking": str(text)}:
            return Thinking(text)
        case {"tool": str(name), "arguments": dict(arguments)}:
            return ToolCall(f"call_{next(numbers)}", name, arguments)
        case {"usage": {"input": int(sent), "output": int(got)}}:
            return Usage(input=sent, output=got, total_tokens=sent + got)
        case _:
            raise PiError(f"The program printed what is no piece of an answer: {json.dumps(line):.80}")
