"""Other people's RPC and ACP clients, unchanged, drive Pi: opt-in, PI_TEST_CLIENTS is a folder for them.

They come from registries. With PI_TEST_ORIGINAL, its command line, they drive the original, too.
"""

import asyncio
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.clients import (
    PROGRAMS,
    Clients,
    Driver,
    PiAgentSdk,
    PiGateway,
    PiPySdk,
    RpcClient0731,
    RpcClient0871,
    RpcClient152,
    of,
)
from tests.e2e.conftest import World

FOLDER = os.environ.get("PI_TEST_CLIENTS", "")

pytestmark = [
    pytest.mark.timeout(300),
    # A client leaves its event loop open.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

BASH = {"name": "bash", "args": {"command": "echo from-the-tool"}}
ENDLESS = {"text": "A text without an end", "chunk": 4, "fault": {"kind": "hang", "afterDeltas": 2}}

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


@pytest.fixture(scope="session")
def clients() -> Iterator[Clients]:
    if not FOLDER:
        pytest.skip("opt-in: PI_TEST_CLIENTS is a folder for the clients")
    Path(FOLDER).mkdir(parents=True, exist_ok=True)
    with (Path(FOLDER) / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        installed = Clients(Path(FOLDER))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(installed.site))
        import acp  # pyright: ignore # noqa: F401 - first: a collection while it reads itself can break 3.11's ast

        yield installed


@pytest.fixture
def at(world: World, clients: Clients, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    """Both programs have the extension that asks."""
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
        await driver.call("set_model", "oai", "m")
        return
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
            assert "/messages" in request["path"] and "A short summary." in json.dumps(request["body"])

    asyncio.run(later(asyncio.run(first())))


def test_options_for_the_originals_screen_are_passed_over(world: World) -> None:
    options = ("--no-themes", "--theme", "a.json", "--use-theme=dark", "--tui-mode", "regular")
    done = world.run("--mode", "rpc", "--no-session", *options, stdin='{"type":"get_messages"}\n')
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["data"] == {"messages": []}
