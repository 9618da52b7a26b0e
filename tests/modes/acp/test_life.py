"""The process: stdout is the protocol's, bad input is survived, logins are offered, ends are in order."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from typing import Any

import pytest
from acp import RequestError

from tests.e2e.conftest import World
from tests.llm.oauth.authority import authority
from tests.modes.acp.conftest import Editor, Play, unix

NOISY = """
import os, subprocess, sys
print("loading")

def extension(pi):
    @pi.on("session_start")
    def begin(event, ctx):
        print("started")
        sys.stdout.write("written\\n")
        os.write(1, b"raw\\n")
        subprocess.run(["echo", "child"])

    @pi.on("session_shutdown")
    def end(event, ctx):
        with open("ended", "a") as file:
            file.write(event.reason)
"""


def speak(world: World, lines: list[Any], *words: str) -> "subprocess.CompletedProcess[str]":
    """Send lines, close stdin, and take what was said."""
    sent = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    return world.run("--mode", "acp", "--model", "oai/m", *words, stdin=sent)


def request(id: int, method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id, "method": method, "params": params}


def test_stdout_has_nothing_but_the_protocol(world: World) -> None:
    (world.project / "noisy.py").write_text(NOISY)
    begin = request(1, "session/new", cwd=str(world.project), mcpServers=[])
    done = speak(world, [request(0, "initialize", protocolVersion=1), begin], "-e", "noisy.py")
    assert done.returncode == 0
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(message["jsonrpc"] == "2.0" for message in messages)
    assert [message["id"] for message in messages if "id" in message] == [0, 1]
    for text in ("loading", "started", "written", "raw", "child"):
        assert text in done.stderr
    assert (world.project / "ended").read_text() == "quit"


def test_lines_that_are_no_messages_are_answered_and_the_next_is_heard(world: World) -> None:
    done = speak(
        world,
        [
            "{broken",
            "[1, 2]",
            "",
            {"jsonrpc": "2.0", "method": "$/cancel_request", "params": {"requestId": 5}},
            request(1, "no/such/method"),
            request(2, "session/new", cwd=7),
            request(3, "initialize", protocolVersion=1),
        ],
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(answer["id"], answer.get("error", {}).get("code")) for answer in answers] == [
        (None, -32700),
        (None, -32600),
        (1, -32601),
        (2, -32602),
        (3, None),
    ]
    assert "Traceback" not in done.stderr


def test_a_prompt_that_runs_when_the_editor_goes_is_stopped_and_answered(world: World) -> None:
    world.provider.script({"text": "word " * 40, "fault": {"kind": "hang", "afterDeltas": 2}})
    command = world.command("--mode", "acp", "--model", "oai/m")
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=world.project, env=world.env, stdin=pipe, stdout=pipe, stderr=pipe
    ) as pi:
        assert pi.stdin and pi.stdout
        for each in (
            request(0, "initialize", protocolVersion=1),
            request(1, "session/new", cwd=str(world.project), mcpServers=[]),
        ):
            pi.stdin.write(json.dumps(each).encode() + b"\n")
        pi.stdin.flush()
        session = ""
        while not session:
            message = json.loads(pi.stdout.readline())
            session = message.get("result", {}).get("sessionId", "")
        text = [{"type": "text", "text": "Hi"}]
        pi.stdin.write(
            json.dumps(request(2, "session/prompt", sessionId=session, prompt=text)).encode() + b"\n"
        )
        pi.stdin.flush()
        while b"agent_message_chunk" not in pi.stdout.readline():
            pass
        pi.stdin.close()
        rest = [json.loads(line) for line in pi.stdout]
        assert pi.wait(30) == 0
    assert [message["result"]["stopReason"] for message in rest if message.get("id") == 2] == ["cancelled"]
    assert world.last_message()["stopReason"] == "aborted"


@unix
def test_sigterm_ends_in_order(play: Play, world: World) -> None:
    (world.project / "noisy.py").write_text(NOISY)
    call = {"toolCalls": [{"name": "bash", "args": {"command": "echo $$ > pid; exec sleep 100"}}]}
    world.provider.script(call)

    async def scene(editor: Editor) -> int:
        session = await editor.begin(world)
        asking = asyncio.create_task(editor.say(session, "Go"))
        running = "in_progress"
        await editor.until(lambda: [u for u in editor.of("tool_call_update") if u.get("status") == running])
        while not (world.project / "pid").exists() or not (world.project / "pid").read_text():
            await asyncio.sleep(0)
        editor.process.send_signal(signal.SIGTERM)
        code = await editor.process.wait()
        await asyncio.wait({asking})
        asking.exception()
        return code

    assert play(scene, "--model", "oai/m", "-e", "noisy.py") == 128 + signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.kill(int((world.project / "pid").read_text()), 0)
    assert (world.project / "ended").read_text() == "quit"


def test_without_a_model_a_login_is_required_and_offered(play: Play, world: World) -> None:
    world.write_models({})

    async def scene(editor: Editor) -> Any:
        told = await editor.initialize(terminal=True)
        errors: list[RequestError] = []
        for call in (
            editor.pi.new_session(cwd=str(world.project), mcp_servers=[]),
            editor.pi.authenticate(method_id="terminal"),
            editor.pi.authenticate(method_id="nobody"),
        ):
            with pytest.raises(RequestError) as refused:
                await call
            errors.append(refused.value)
        return told.model_dump(mode="json", by_alias=True, exclude_none=True)["authMethods"], errors

    methods, errors = play(scene)
    assert methods[0]["type"] == "terminal" and methods[0]["args"] == ["auth", "login"]
    assert {method["id"] for method in methods} == {
        "terminal",
        "openai",
        "openai-codex",
        "openrouter",
        "radius",
    }
    assert [error.code for error in errors] == [-32000, -32000, -32602]
    assert "pi auth login" in str(errors[0])


def test_a_missing_key_is_told_when_the_model_is_asked(play: Play, world: World) -> None:
    models = [{"id": "m"}]
    url = f"http://127.0.0.1:{world.provider.port}/v1"
    world.write_models({"openai": {"baseUrl": url, "api": "openai-completions", "models": models}})

    async def scene(editor: Editor) -> RequestError:
        session = await editor.begin(world)
        with pytest.raises(RequestError) as refused:
            await editor.say(session, "Hi")
        return refused.value

    error = play(scene, "--model", "openai/m")
    assert error.code == -32000
    assert str(error).startswith("No API key found for openai.")


def test_the_editors_command_line_with_auth_behind_it_logs_in(world: World) -> None:
    for words in (("--mode", "acp", "auth"), ("acp", "auth")):
        done = world.run(*words, "help")
        assert done.stdout.startswith("Usage: pi auth login"), done.stderr


def test_without_the_library_it_says_how_to_install_it(world: World) -> None:
    hidden = "import sys; sys.modules['acp'] = None; from pi.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", hidden, "acp"],
        cwd=world.project,
        env=world.env,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    said = 'ACP needs a library that isn\'t installed. Install it with: pip install "pi-harness[acp]"'
    assert done.stderr == f"Error: {said}\n"


@pytest.mark.parametrize("words", [("--continue",), ("--session", "x"), ("@file",), ("Hello",)])
def test_what_the_editor_decides_is_no_option(world: World, words: tuple[str, ...]) -> None:
    done = world.run("acp", *words)
    assert (done.returncode, done.stdout) == (1, "")
    assert "ACP mode" in done.stderr


def test_no_other_mode_imports_the_library() -> None:
    modules = "pi.cli.rpc, pi.cli.run, pi.cli.start, pi.cli.acp"
    script = f"import sys, {modules}; print('acp' in sys.modules, 'pydantic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"


def test_a_login_in_the_browser_is_stored_and_its_failures_say_what_to_do(play: Play, world: World) -> None:
    browser = world.project / "browser.py"
    browser.write_text("import sys, urllib.request\nurllib.request.urlopen(sys.argv[1]).close()\n")
    with authority() as server:
        page = {"authorizationEndpoint": f"{server.url}/authorize", "issuer": server.url}
        server.pages["/v1/oauth"] = [(200, page)]
        gateway = {"PI_RADIUS_GATEWAY": server.url}

        async def log_in(editor: Editor) -> None:
            await editor.initialize()
            await editor.pi.authenticate(method_id="radius")

        async def refused(editor: Editor) -> str:
            with pytest.raises(RequestError) as refused:
                await log_in(editor)
            return str(refused.value)

        told = play(refused, env=gateway)
        assert told == "There is no browser here. Run in a terminal: pi auth login radius"
        assert not (world.agent / "auth.json").exists()
        play(log_in, env=gateway | {"BROWSER": f"{sys.executable} {browser} %s"})
    assert json.loads((world.agent / "auth.json").read_text())["radius"]["access"].startswith("access-")
