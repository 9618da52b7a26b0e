"""Prompts: what goes in, what streams out, and with which reason each ends."""

import asyncio
import base64
import io
import os
from typing import Any

import pytest
from acp import RequestError, image_block, resource_link_block, text_block
from acp.schema import EmbeddedResourceContentBlock, TextResourceContents
from PIL import Image

from tests.e2e.conftest import World
from tests.modes.acp.conftest import Editor, Play, unix


def png() -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (4, 4), "red").save(data, "PNG")
    return data.getvalue()


def test_it_says_what_it_can_do(play: Play) -> None:
    async def scene(editor: Editor) -> Any:
        return await editor.initialize()

    told = play(scene).model_dump(mode="json", by_alias=True, exclude_none=True)
    assert told["protocolVersion"] == 1
    assert told["agentInfo"]["name"] == "pi"
    assert told["agentCapabilities"]["loadSession"] is True
    assert told["agentCapabilities"]["promptCapabilities"] == {
        "image": True,
        "audio": False,
        "embeddedContext": True,
    }
    assert told["agentCapabilities"]["mcpCapabilities"]["http"] is False
    assert set(told["agentCapabilities"]["sessionCapabilities"]) == {"list", "resume", "fork", "close"}
    assert "openrouter" in [method["id"] for method in told["authMethods"]]


def test_thoughts_and_text_stream_and_the_end_says_what_it_cost(play: Play, world: World) -> None:
    world.provider.script({"thinking": "Hmm, what now?", "text": "Hello from the model. " * 3})

    async def scene(editor: Editor) -> Any:
        session = await editor.begin(world)
        answer = await editor.say(session, "Hi")
        await editor.until(lambda: editor.of("usage_update"))
        return editor, answer

    editor, answer = play(scene, "--model", "oai/m", "--thinking", "low")
    assert answer.stop_reason == "end_turn"
    assert answer.usage.total_tokens > 0
    assert editor.text() == "Hello from the model. " * 3
    assert editor.text("agent_thought_chunk") == "Hmm, what now?"
    assert len(editor.of("agent_message_chunk")) > 1
    assert len({chunk["messageId"] for chunk in editor.of("agent_message_chunk")}) == 1
    assert editor.of("user_message_chunk") == []  # the editor shows what it sends
    assert editor.of("usage_update")[0]["size"] == 128_000
    assert editor.of("session_info_update")[0]["title"] == "Hi"


def test_files_pictures_and_links_go_to_the_model_like_at_files(play: Play, world: World) -> None:
    (world.project / "linked.txt").write_text("linked text")
    data = base64.b64encode(png()).decode()

    async def scene(editor: Editor) -> None:
        session = await editor.begin(world)
        linked = (world.project / "linked.txt").as_uri()
        embedded = TextResourceContents(
            text="def f(): ...", uri="file:///src/f.py#L3-4", mime_type="text/x-python"
        )
        prompt = [
            text_block("Compare "),
            resource_link_block("linked.txt", linked),
            text_block(" with "),
            EmbeddedResourceContentBlock(type="resource", resource=embedded),
            resource_link_block("an issue", "https://example.com/1"),
            image_block(data, "image/png"),
        ]
        await editor.pi.prompt(session_id=session, prompt=prompt)

    world.write_models(_with_images(world))
    play(scene, "--model", "oai/m")
    (message,) = [m for m in world.provider.requests[0]["body"]["messages"] if m["role"] == "user"]
    texts = [part["text"] for part in message["content"] if part["type"] == "text"]
    assert texts == [
        f'<file name="{world.project}/linked.txt">\nlinked text\n</file>\n'
        '<file name="/src/f.py#L3-4">\ndef f(): ...\n</file>\n'
        "Compare @linked.txt with @f.py#L3-4@an issue\n\nan issue: https://example.com/1"
    ]
    assert [part["type"] for part in message["content"]] == ["text", "image_url"]


def _with_images(world: World) -> dict[str, Any]:
    model = {"id": "m", "input": ["text", "image"]}
    url = f"http://127.0.0.1:{world.provider.port}/v1"
    return {"oai": {"baseUrl": url, "api": "openai-completions", "apiKey": "sk-x", "models": [model]}}


@pytest.mark.parametrize(
    ("block", "said"),
    [
        (resource_link_block("gone", "file:///nowhere/gone.txt"), "Save the file, or take the link out"),
        (image_block("bm8gcGljdHVyZQ==", "image/png"), "in no format that Pi knows"),
    ],
)
def test_what_cant_be_sent_is_refused_with_a_reason(play: Play, world: World, block: Any, said: str) -> None:
    async def scene(editor: Editor) -> str:
        session = await editor.begin(world)
        with pytest.raises(RequestError) as refused:
            await editor.pi.prompt(session_id=session, prompt=[block])
        return f"{refused.value.code} {refused.value}"

    told = play(scene, "--model", "oai/m")
    assert told.startswith("-32602") and said in told
    assert world.provider.requests == []


def test_an_answer_that_was_cut_says_so(play: Play, world: World) -> None:
    world.provider.script({"text": "cut", "stopReason": "length"})

    async def scene(editor: Editor) -> str:
        return (await editor.say(await editor.begin(world), "Hi")).stop_reason

    assert play(scene, "--model", "oai/m") == "max_tokens"


def test_a_failed_answer_is_an_error_with_the_providers_words(play: Play, world: World) -> None:
    world.provider.script({"fault": {"kind": "http", "status": 400, "message": "no such thing"}})

    async def scene(editor: Editor) -> RequestError:
        session = await editor.begin(world)
        with pytest.raises(RequestError) as failed:
            await editor.say(session, "Hi")
        assert (await editor.say(session, "And now?")).stop_reason == "end_turn"  # it goes on
        return failed.value

    error = play(scene, "--model", "oai/m")
    assert error.code == -32603
    assert "no such thing" in str(error)


def test_cancel_stops_the_model_and_the_next_prompt_is_answered(play: Play, world: World) -> None:
    world.provider.script(
        {"text": "word " * 40, "fault": {"kind": "hang", "afterDeltas": 3}}, {"text": "Fine."}
    )

    async def scene(editor: Editor) -> list[str]:
        session = await editor.begin(world)
        asking = asyncio.create_task(editor.say(session, "Hi"))
        await editor.until(lambda: editor.of("agent_message_chunk"))
        await editor.pi.cancel(session_id=session)
        again = asyncio.create_task(editor.say(session, "Again"))
        return [(await asking).stop_reason, (await again).stop_reason]

    assert play(scene, "--model", "oai/m") == ["cancelled", "end_turn"]


@unix
def test_what_is_said_to_a_running_agent_steers_it(play: Play, world: World) -> None:
    call = {"toolCalls": [{"name": "bash", "args": {"command": "read line < go"}}]}
    world.provider.script(call, {"text": "Both heard."})

    async def scene(editor: Editor) -> list[str]:
        session = await editor.begin(world)
        os.mkfifo(world.project / "go")
        first = asyncio.create_task(editor.say(session, "Wait for it"))
        await editor.until(
            lambda: [u for u in editor.of("tool_call_update") if u.get("status") == "in_progress"]
        )
        second = asyncio.create_task(editor.say(session, "Be quick"))
        await editor.pi.set_session_mode(session_id=session, mode_id="low")  # so that it was heard
        await asyncio.to_thread((world.project / "go").write_text, "go\n")
        return [(await first).stop_reason, (await second).stop_reason]

    assert play(scene, "--model", "oai/m") == ["end_turn", "end_turn"]
    assert world.provider.asked()[-1] == "Be quick"


def test_two_sessions_run_at_once_each_in_its_folder(play: Play, world: World) -> None:
    other = world.project.parent / "other"
    other.mkdir()
    call = {"toolCalls": [{"name": "bash", "args": {"command": "pwd"}}]}
    world.provider.script(call, call, {"text": "Done."}, {"text": "Done."})

    async def scene(editor: Editor) -> Any:
        one = await editor.begin(world)
        two = (await editor.pi.new_session(cwd=str(other), mcp_servers=[])).session_id
        await asyncio.gather(editor.say(one, "Where?"), editor.say(two, "Where?"))
        done = [u for u in editor.of("tool_call_update") if u.get("status") == "completed"]
        return {update["session"]: update["rawOutput"]["output"].strip() for update in done}, one, two

    places, one, two = play(scene, "--model", "oai/m")
    assert places == {one: str(world.project), two: str(other)}


def test_a_prompt_that_is_cancelled_before_it_runs_never_reaches_the_model(play: Play, world: World) -> None:
    async def scene(editor: Editor) -> list[str]:
        session = await editor.begin(world)
        asking = asyncio.create_task(editor.say(session, "Hi"))
        await asyncio.sleep(0)  # it is sent
        await editor.pi.cancel(session_id=session)
        reasons = [(await asking).stop_reason]
        reasons.append((await editor.say(session, "Again")).stop_reason)
        return reasons

    assert play(scene, "--model", "oai/m") == ["cancelled", "end_turn"]
    assert world.provider.asked()[-1] == "Again"
