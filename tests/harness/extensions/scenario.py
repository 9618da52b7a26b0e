"""A whole life of a session with one extension in it, against a real server: every event of the table."""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pi.harness.events import AgentSettled, ExtensionFailed
from pi.harness.session import Session
from pi.platform.errors import PiError
from pi.sdk import ExtensionChoice, create_agent_session
from pi.testing import ScriptedUI

MODEL = {"reasoning": True, "contextWindow": 100_000, "maxTokens": 1_000, "input": ["text"]}
SETTINGS = {"compaction": {"keepRecentTokens": 1}, "retry": {"enabled": False}}


class Server:
    """Speaks chat completions: calls `probe` after what a user says, then gives text; or an error if told."""

    def __init__(self) -> None:
        self.bodies: list[Any] = []
        self.fails = False

    @asynccontextmanager
    async def serving(self) -> AsyncGenerator[str]:
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        finally:
            server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            fields = dict(line.lower().split(b": ", 1) for line in head.splitlines()[1:] if line)
            body = json.loads(await reader.readexactly(int(fields[b"content-length"])))
            self.bodies.append(body)
            status = b"400 Bad Request" if self.fails else b"200 OK"
            writer.write(b"HTTP/1.1 " + status + b"\r\ncontent-type: text/event-stream\r\n")
            writer.write(b"connection: close\r\n\r\n")
            for value in () if self.fails else self._values(body):
                writer.write(b"data: " + json.dumps(value).encode() + b"\n\n")
            writer.write(b"data: [DONE]\n\n")
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):  # an aborted request
            pass
        finally:
            writer.close()

    def _values(self, body: Any) -> list[Any]:
        call = {"name": "probe", "arguments": '{"word": "ls"}'}
        delta: dict[str, Any] = {"content": "A word. Another."}
        finish = "stop"
        if body.get("tools") and body["messages"][-1]["role"] == "user":
            delta = {"tool_calls": [{"index": 0, "id": f"c{len(self.bodies)}", "function": call}]}
            finish = "tool_calls"
        return [
            {"id": "x", "choices": [{"index": 0, "delta": delta}]},
            {"id": "x", "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]},
        ]


class Life:
    """What happened in a session: its failures, how often it settled, which calls of `probe` ran."""

    def __init__(self, server: Server, folder: Path):
        self.server = server
        self.agent_dir, self.cwd = folder / "agent", folder / "project"
        self.failures: list[tuple[str, str, str]] = []
        self.settled = 0
        self.probed: list[str] = []
        self.session: Session

    def hear(self, event: Any) -> None:
        match event:
            case ExtensionFailed(extension, name, error):
                self.failures.append((extension, name, error))
            case AgentSettled():
                self.settled += 1
            case _:
                pass

    def probing(self, pi: Any) -> None:
        """What the scenario needs of the extension besides its handlers."""

        def probe(word: str, *, progress: Any = None) -> str:
            """Probe."""
            self.probed.append(word)
            return f"probed {word}"

        async def run(arguments: dict[str, Any], context: Any) -> Any:
            from pi.agent.tool import text_result

            context.update(text_result("half"))
            return text_result(probe(**arguments))

        from pi.agent.tool import Tool

        schema = {"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]}
        pi.tool(Tool("probe", "Probe.", schema, run))

        @pi.command("ask", "Ask a person, tell of a server")
        async def ask(args: str, ctx: Any) -> None:
            pi.mcp_server(f"server{len(pi.declared.mcp_servers)}", {})
            await ctx.ui.confirm("Sure?")


@asynccontextmanager
async def living(
    folder: Path, *extensions: Callable[[Any, Life], None], name: str = "fuzz"
) -> AsyncGenerator[Life]:
    """A session of the server's model with an extension of that name; it is closed at the end."""
    server = Server()
    life = Life(server, folder)
    async with server.serving() as url:
        life.agent_dir.mkdir(parents=True, exist_ok=True)
        (life.cwd / ".pi").mkdir(parents=True, exist_ok=True)
        (life.cwd / ".pi" / "settings.json").write_text("{}")
        entry = {"baseUrl": url, "api": "openai-completions", "apiKey": "k"}
        models = [{"id": "m", **MODEL}, {"id": "n", **MODEL, "reasoning": False}]
        (life.agent_dir / "models.json").write_text(
            json.dumps({"providers": {"local": {**entry, "models": models}}})
        )
        (life.agent_dir / "settings.json").write_text(json.dumps(SETTINGS))

        def extension(pi: Any) -> None:
            life.probing(pi)
            for each in extensions:
                each(pi, life)

        extension.__name__ = name
        life.session = await create_agent_session(
            cwd=life.cwd,
            agent_dir=life.agent_dir,
            model="local/m",
            extensions=ExtensionChoice(inline=(extension,), find=False),
            ui=ScriptedUI(*[True] * 1000),
        )
        life.session.subscribe(life.hear)
        try:
            yield life
        finally:
            await life.session.close()


async def whole_life(life: Life) -> None:
    """Prompt, tool, answer; a dialog; compaction; other branch, model, session. What is refused is passed."""
    session = life.session
    await session.start()
    await session.prompt("go")
    await session.prompt("/ask")
    if telling := [task for task in asyncio.all_tasks() if task.get_name() == "mcp_servers_change"]:
        await asyncio.wait(telling)
    await quietly(session.shell.run("echo typed"))
    await quietly(session.tree.set_name("A name"))
    await session.models.think("high")
    await session.models.use(session.setup.registry.find("local", "n"))
    await session.models.use(session.setup.registry.find("local", "m"), "low")
    await session.prompt("again")
    life.server.fails = True
    await quietly(session.compact())
    life.server.fails = False
    await quietly(session.compact())
    first = next((entry.id for entry in session.store.branch("message")), None)
    if first is not None:
        await quietly(session.tree.navigate(first))
    await session.prompt("elsewhere")
    if session.store.leaf is not None:
        await quietly(session.tree.clone())
    await quietly(session.tree.new())
    await session.prompt("new")
    await quietly(session.reload())
    await session.wait_idle()


async def quietly(work: Any) -> None:
    try:
        await work
    except PiError:  # a refusal, said to the user
        pass


def programs() -> list[str]:
    """The children of this process that sleep for 600 s and haven't ended."""
    found: list[str] = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            if (
                int(parent) == os.getpid()
                and state != "Z"
                and b"sleep(600)" in (folder / "cmdline").read_bytes()
            ):
                found.append(folder.name)
    return found
