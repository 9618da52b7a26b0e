"""Anthropic requests that are made otherwise after a refusal: threads, strict tools, subscriptions."""

import asyncio
import json
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from msgspec.structs import replace

from pi.llm.events import StreamEnd
from pi.llm.messages import AssistantMessage, Context, Message, ToolDeclaration, UserMessage
from pi.llm.models import Model
from pi.llm.options import StreamOptions
from pi.llm.stream import ask

Reply = tuple[int, Any]
_sessions = count(1)

SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
PREFERRED = ToolDeclaration("a", "A.", SCHEMA, {"type": "json_schema", "strict": "prefer"})
REQUIRED = ToolDeclaration("b", "B.", SCHEMA, {"type": "json_schema", "strict": "require"})


def said(text: str, id: str, **start: Any) -> Reply:
    events = [
        {"type": "message_start", "message": {"id": id, "model": "m", "usage": {"input_tokens": 1}, **start}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}},
        {"type": "message_stop"},
    ]
    return 200, "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)


def refused(message: str, code: str | None = None, status: int = 400) -> Reply:
    details = {"details": {"error_code": code}} if code else {}
    return status, json.dumps(
        {"type": "error", "error": {"type": "invalid_request_error", "message": message, **details}}
    )


class Host:
    """A host that gives one reply after another; `asked` keeps headers and bodies."""

    def __init__(self, *replies: Reply):
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self._replies = iter(replies)

    async def serve(self, use: Callable[[str], Any]) -> Any:
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        try:
            return await use(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        finally:
            server.close()
            await server.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.split("content-length:")[1].split("\r\n")[0])
        self.asked.append((head, json.loads(await reader.readexactly(length))))
        status, text = next(self._replies)
        body = text.encode()
        writer.write(
            f"HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
        )
        await writer.drain()
        writer.close()


def talk(host: Host, turns: int, *, compat: dict[str, Any], changes: Any = None, **context: Any) -> list[Any]:
    """The answers to `turns` prompts of one conversation; `changes` may change what was said before one."""
    options = StreamOptions(api_key="sk-test", session_id=f"mending {next(_sessions)}")

    async def use(url: str) -> list[AssistantMessage]:
        model = Model("m", "mine", "anthropic-messages", url, reasoning=True, compat=compat)
        messages: list[Message] = []
        answers: list[AssistantMessage] = []
        for turn in range(turns):
            messages.append(UserMessage(f"prompt {turn}", turn))
            if changes:
                changes(turn, messages)
            async for event in ask(model, Context(tuple(messages), "S", **context), options):
                if isinstance(event, StreamEnd):
                    answers.append(event.message)
                    messages.append(event.message)
        return answers

    return asyncio.run(host.serve(use))


def why(message: AssistantMessage) -> list[tuple[str, Any]]:
    return [(told["type"], told["details"]) for told in message.diagnostics or ()]


THREADS = {"supportsMessageThreads": True}


def test_a_thread_sends_only_what_is_new() -> None:
    host = Host(said("one", "m1"), said("two", "m2"), said("three", "m3"))
    answers = talk(host, 3, compat=THREADS, tools=(PREFERRED,))
    bodies = [body for _, body in host.asked]
    assert [body["thread"] for body in bodies] == [
        {"type": "create"},
        {"type": "continue", "previous_message_id": "m1"},
        {"type": "continue", "previous_message_id": "m2"},
    ]
    assert [len(body["messages"]) for body in bodies] == [1, 1, 1]
    assert [("system" in body, "tools" in body) for body in bodies] == [
        (True, True),
        (False, False),
        (False, False),
    ]
    assert all("message-threads-2026-08-12" in head for head, _ in host.asked)
    assert [message.text for message in answers] == ["one", "two", "three"]


def test_a_conversation_that_was_changed_begins_a_new_thread() -> None:
    def forget(turn: int, messages: list[Message]) -> None:
        if turn == 1:
            messages[0] = UserMessage("something else", 0)

    host = Host(said("one", "m1"), said("two", "m2"))
    talk(host, 2, compat=THREADS, changes=forget)
    assert [(len(body["messages"]), body["thread"]) for _, body in host.asked] == [
        (1, {"type": "create"}),
        (3, {"type": "create"}),
    ]


def test_a_thread_that_the_server_has_lost_is_begun_again() -> None:
    host = Host(said("one", "m1"), refused("gone", "thread_not_found", 404), said("two", "m2"))
    answers = talk(host, 2, compat=THREADS)
    assert [body["thread"]["type"] for _, body in host.asked] == ["create", "continue", "create"]
    assert len(host.asked[2][1]["messages"]) == 3
    assert why(answers[1]) == [("anthropic_thread_fallback", {"reason": "thread_not_found"})]


@pytest.mark.parametrize(
    "refusal", [refused("thread: extra inputs are not permitted"), refused("no", "thread_not_found")]
)
def test_an_endpoint_without_threads_is_asked_as_ever(refusal: Reply) -> None:
    host = Host(refusal, said("one", "m1"), said("two", "m2"))
    answers = talk(host, 2, compat=THREADS)
    assert ["thread" in body for _, body in host.asked] == [True, False, False]
    assert ["message-threads" in head for head, _ in host.asked] == [True, False, False]
    assert [message.text for message in answers] == ["one", "two"]


def test_the_payload_hook_sees_the_whole_conversation() -> None:
    host = Host(said("one", "m1"), said("two", "m2"))
    seen: list[int] = []

    async def look(payload: dict[str, Any]) -> None:
        seen.append(len(payload["messages"]))

    options = StreamOptions(api_key="sk-test", session_id=f"mending {next(_sessions)}", on_payload=look)

    async def use(url: str) -> None:
        model = Model("m", "mine", "anthropic-messages", url, compat=THREADS)
        first = UserMessage("a", 1)
        async for event in ask(model, Context((first,)), options):
            if isinstance(event, StreamEnd):
                async for _ in ask(model, Context((first, event.message, first)), options):
                    pass

    asyncio.run(host.serve(use))
    assert seen == [1, 3]
    assert [len(body["messages"]) for _, body in host.asked] == [1, 1]


def test_tools_that_are_too_strict_for_the_server_are_loosened_for_the_session() -> None:
    host = Host(refused("Too many strict tools (21)"), said("one", "m1"), said("two", "m2"))
    answers = talk(host, 2, compat={"supportsStrictTools": True}, tools=(PREFERRED, REQUIRED))
    strict = [[tool.get("strict", False) for tool in body["tools"]] for _, body in host.asked]
    assert strict == [[True, True], [False, True], [False, True]]
    assert [why(message) for message in answers] == [
        [("anthropic_strict_tools_fallback", {"reason": "strict_tool_limits_exceeded"})],
        [],
    ]


def test_what_loosening_does_not_mend_is_an_error() -> None:
    host = Host(refused("The compiled grammar is too large"), refused("The compiled grammar is too large"))
    [message] = talk(host, 1, compat={"supportsStrictTools": True}, tools=(REQUIRED,))
    assert message.stop_reason == "error"
    assert len(host.asked) == 2


def test_what_the_server_left_out_is_kept_with_the_answer() -> None:
    left_out = [{"type": "thinking_block_dropped", "path": "messages.1", "reason": "prefix", "more": 1}]
    [message] = talk(Host(said("one", "m1", input_transformations=left_out)), 1, compat={})
    told = [{"type": "thinking_block_dropped", "path": "messages.1", "reason": "prefix"}]
    assert why(message) == [("anthropic_input_transformations", {"transformations": told})]


EFFORT = {"supportsMidConvoEffort": True, "forceAdaptiveThinking": True}


def test_each_answer_keeps_the_effort_that_it_was_written_with() -> None:
    host = Host(said("one", "m1"), said("two", "m2"))

    async def use(url: str) -> None:
        model = Model("m", "mine", "anthropic-messages", url, reasoning=True, compat=EFFORT)
        low = StreamOptions(api_key="sk-test", thinking="low")
        first = UserMessage("a", 1)
        async for event in ask(model, Context((first,)), low):
            if isinstance(event, StreamEnd):
                assert event.message.provider_thinking_level == "low"
                async for _ in ask(
                    model, Context((first, event.message, first)), replace(low, thinking="high")
                ):
                    pass

    asyncio.run(host.serve(use))
    (_, before), (head, after) = host.asked
    assert [message.get("output_config") for message in after["messages"]] == [
        None,
        {"effort": "low"},
        None,
        None,
        {"effort": "high"},
    ]
    head_fields = ("thinking", "output_config", "system", "tools")
    assert [before.get(name) for name in head_fields] == [after.get(name) for name in head_fields]
    assert "mid-conversation-output-config-2026-07-01,thinking-binding-controls-2026-08-01" in head


def test_thinking_can_be_off_where_the_effort_is_told() -> None:
    host = Host(said("one", "m1"))
    [message] = talk(host, 1, compat=EFFORT)
    [(_, body)] = host.asked
    assert body["thinking"] == {"type": "disabled"}
    assert [message["role"] for message in body["messages"]] == ["user"]
    assert message.provider_thinking_level is None


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refused_subscription_is_told_that_a_key_works(status: int) -> None:
    host = Host(refused("This credential is only authorized for use elsewhere.", status=status))

    async def use(url: str) -> AssistantMessage:
        model = Model("m", "anthropic", "anthropic-messages", url)
        options = StreamOptions(api_key="sk-ant-oat01-secret")
        [*_, end] = [event async for event in ask(model, Context((UserMessage("a", 1),), "S"), options)]
        assert isinstance(end, StreamEnd)
        return end.message

    message = asyncio.run(host.serve(use))
    [(head, body)] = host.asked
    assert message.error_message is not None
    assert message.error_message.startswith(f"{status} ")
    assert "An API key works" in message.error_message
    assert "secret" not in message.error_message
    assert "authorization: bearer sk-ant-oat01-secret" in head
    assert "anthropic-beta: oauth-2025-04-20\r\n" in head
    assert "user-agent: pi (" in head
    assert [block["text"] for block in body["system"]] == ["S"]
