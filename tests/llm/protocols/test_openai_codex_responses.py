"""Codex: which way a request takes, what it looks like there, and what happens when the way breaks."""

import asyncio
import json
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from msgspec.structs import replace
from websockets.frames import Close, Frame, Opcode

from pi.llm.draft import Draft
from pi.llm.errors import ProviderError, TransportError
from pi.llm.events import BlockDelta, BlockEnd, BlockStart, StreamEnd, StreamStart
from pi.llm.formats.codex_payload import build_payload
from pi.llm.messages import Context, Message, Text, ToolCall, ToolResultMessage, UserMessage
from pi.llm.models import Model
from pi.llm.options import StreamOptions
from pi.llm.protocols.openai_codex_responses import stream
from pi.llm.stream import ask
from pi.platform.clock import uuid7
from tests.llm.protocols.wire import answer, data
from tests.llm.socket_host import Peer, run, serving

HI = UserMessage("hi", 1)
CONTEXT = Context((HI,), "Help.")


def token(account: str = "acc-1") -> str:
    claims = json.dumps({"https://api.openai.com/auth": {"chatgpt_account_id": account}}).encode()
    return f"h.{urlsafe_b64encode(claims).rstrip(b'=').decode()}.s"


def options(**fields: Any) -> StreamOptions:
    """Of a session of its own: what happens in one stays with it."""
    return StreamOptions(**{"api_key": token(), "session_id": uuid7()} | fields)


def a_model(url: str) -> Model:
    return Model("m", "openai-codex", "openai-codex-responses", url)


def said(text: str, id: str = "r1") -> list[dict[str, Any]]:
    """The events of an answer."""
    item = {"type": "message", "id": f"msg_{id}"}
    whole = item | {"content": [{"type": "output_text", "text": text}]}
    return [
        {"type": "response.created", "response": {"id": id}},
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        {"type": "response.output_text.delta", "output_index": 0, "delta": text},
        {"type": "response.output_item.done", "output_index": 0, "item": whole},
        {"type": "response.completed", "response": {"id": id, "status": "completed"}},
    ]


def sse(*events: dict[str, Any]) -> bytes:
    return answer(*(data(event) for event in events))


LIMITS = {"type": "codex.rate_limits", "rate_limits": {"primary": {"used_percent": 7}}}


class Host:
    """Plays a script over WebSocket and keeps what came, by way and in order."""

    def __init__(self, *turns: list[Any], refuse: int | None = None, posted: bytes = b""):
        self.turns = list(turns)  # the answers, wherever they are asked for
        self.refuse = refuse  # the status of every handshake's answer
        self.posted = posted or sse(*said("by SSE"))
        self.seen: list[tuple[str, int, Any]] = []  # way, number of the connection, body
        self.peers: list[Peer] = []
        self.ended = asyncio.Event()

    async def script(self, peer: Peer) -> None:
        self.peers.append(peer)
        try:
            await self._play(peer)
        finally:
            self.ended.set()

    async def _play(self, peer: Peer) -> None:
        head = await peer.peek()
        if head.startswith("POST"):
            self.seen.append(("sse", peer.number, await peer.request()))
            await peer.write(self.posted)
            return
        if self.refuse:
            self.seen.append(("refused", peer.number, None))
            await peer.refuse(self.refuse, b'{"error":{"message":"Not you"}}')
            return
        await peer.greet(X_Codex_Primary_Used_Percent="5")
        while (asked := await peer.hear()) is not None:
            self.seen.append(("socket", peer.number, asked))
            for event in self.turns.pop(0):
                if isinstance(event, tuple):
                    await peer.goodbye(*event)
                    await peer.gone()
                    return
                await (peer.frames(event) if isinstance(event, Frame) else peer.say(event))

    @property
    def ways(self) -> list[tuple[str, int]]:
        return [(way, number) for way, number, _ in self.seen]


def play(host: Host, use: Callable[[str], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        async with serving(host.script) as url:
            return await use(url)

    return run(main)


async def said_by(url: str, given: StreamOptions, context: Context = CONTEXT) -> tuple[list[Any], Draft]:
    draft = Draft(a_model(url))
    return [event async for event in stream(draft, context, given)], draft


def one(host: Host, given: StreamOptions | None = None) -> tuple[list[Any], Draft]:
    return play(host, lambda url: said_by(url, given or options()))


def failure(host: Host, given: StreamOptions | None = None) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        one(host, given)
    return caught.value


def spoken(text: str) -> list[Any]:
    return [
        StreamStart(),
        BlockStart("text_start", 0),
        BlockDelta("text_delta", 0, text),
        BlockEnd("text_end", 0, text),
    ]


def test_a_request_goes_over_a_websocket() -> None:
    host, given = Host(said("Yes")), options()
    events, draft = one(host, given)
    assert events == spoken("Yes")
    assert (draft.stop_reason, draft.response_id, draft.diagnostics) == ("stop", "r1", [])
    [(_, _, asked)] = host.seen
    assert asked == {"type": "response.create", **build_payload(a_model(""), CONTEXT, given)}
    sent = host.peers[0].headers
    for name in ("host", "sec-websocket-key", "sec-websocket-version", "upgrade", "connection"):
        del sent[name]
    assert sent.pop("user-agent").startswith("pi (")
    assert host.peers[0].head.startswith("GET /codex/responses HTTP/1.1")
    assert sent == {
        "authorization": f"Bearer {given.api_key}",
        "chatgpt-account-id": "acc-1",
        "originator": "pi",
        "openai-beta": "responses_websockets=2026-02-06",
        "session-id": given.session_id,
        "x-client-request-id": given.session_id,
    }


def test_a_request_goes_over_sse_when_that_is_wanted() -> None:
    host, given = Host(), options(transport="sse")
    events, _ = one(host, given)
    assert events == spoken("by SSE")
    assert host.seen == [("sse", 1, build_payload(a_model(""), CONTEXT, given))]
    sent = host.peers[0].headers
    for name in ("host", "content-length", "accept-encoding"):
        del sent[name]
    assert sent.pop("user-agent").startswith("pi (")
    assert sent == {
        "authorization": f"Bearer {given.api_key}",
        "chatgpt-account-id": "acc-1",
        "originator": "pi",
        "openai-beta": "responses=experimental",
        "accept": "text/event-stream",
        "content-type": "application/json",
        "session-id": given.session_id,
        "x-client-request-id": given.session_id,
    }


def test_nothing_configured_makes_pi_another_program() -> None:
    host = Host()
    given = options(
        transport="sse",
        headers={"Originator": "x", "User-Agent": "x", "X-Mine": "1", "ChatGPT-Account-Id": "a2"},
    )
    one(host, given)
    sent = host.peers[0].headers
    assert (sent["originator"], sent["x-mine"], sent["chatgpt-account-id"]) == ("pi", "1", "a2")
    assert sent["user-agent"].startswith("pi (")


@pytest.mark.parametrize(
    ("base", "path"),
    [
        ("", "/codex/responses"),
        ("/", "/codex/responses"),
        ("/b/codex", "/b/codex/responses"),
        ("/codex/responses/", "/codex/responses"),
    ],
)
def test_the_base_url_may_be_the_backend_or_any_part_of_the_way(base: str, path: str) -> None:
    host = Host()
    play(host, lambda url: said_by(url + base, options(transport="sse")))
    assert host.peers[0].head.startswith(f"POST {path} HTTP/1.1")


@pytest.mark.parametrize("key", ["sk-plain", "a.b.c", f"h.{urlsafe_b64encode(b'{}').decode()}.s"])
def test_a_key_that_names_no_account_is_refused(key: str) -> None:
    assert str(failure(Host(), options(api_key=key))) == "Failed to extract accountId from token"
    assert str(failure(Host(), options(api_key=None))) == "No API key for provider: openai-codex"


def test_the_end_of_the_answer_is_the_end_though_the_stream_stays_open() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.write(b"HTTP/1.1 200 OK\r\n\r\n" + b"".join(map(data, said("Yes"))))
        await peer.gone()

    async def main() -> Any:
        async with serving(script) as url:
            return await said_by(url, options(transport="sse"))

    assert run(main)[0] == spoken("Yes")


def call_and_result(id: str = "r1") -> tuple[list[dict[str, Any]], ToolResultMessage]:
    item = {
        "type": "function_call",
        "id": f"fc_{id}",
        "call_id": f"c_{id}",
        "name": "read",
        "arguments": '{"path":"a"}',
    }
    events = [
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": {"id": id, "status": "completed"}},
    ]
    return events, ToolResultMessage(f"c_{id}|fc_{id}", "read", (Text("ok"),), False, 1)


def two_turns(host: Host, result: ToolResultMessage, given: StreamOptions) -> None:
    """A call, and the conversation gone on with its result."""

    async def use(url: str) -> None:
        _, draft = await said_by(url, given)
        history: tuple[Message, ...] = (HI, draft.freeze(draft.stop_reason), result)
        assert draft.freeze("toolUse").tool_calls == [ToolCall(result.tool_call_id, "read", {"path": "a"})]
        await said_by(url, given, replace(CONTEXT, messages=history))

    play(host, use)


@pytest.mark.parametrize("transport", ["auto", "websocket-cached"])
def test_a_conversation_that_grew_sends_what_is_new_on_the_same_connection(transport: Any) -> None:
    events, result = call_and_result()
    host = Host(events, said("Done", "r2"))
    two_turns(host, result, options(transport=transport))
    assert host.ways == [("socket", 1), ("socket", 1)]
    assert host.seen[1][2]["previous_response_id"] == "r1"
    assert host.seen[1][2]["input"] == [{"type": "function_call_output", "call_id": "c_r1", "output": "ok"}]
    assert {k: v for k, v in host.seen[1][2].items() if k not in ("input", "previous_response_id")} == {
        k: v for k, v in host.seen[0][2].items() if k != "input"
    }


def test_a_plain_websocket_sends_the_whole_conversation_on_the_same_connection() -> None:
    events, result = call_and_result()
    host = Host(events, said("Done", "r2"))
    two_turns(host, result, options(transport="websocket"))
    assert host.ways == [("socket", 1), ("socket", 1)]
    assert "previous_response_id" not in host.seen[1][2]
    assert len(host.seen[1][2]["input"]) == 3


def test_an_answer_that_the_host_has_forgotten_is_told_again() -> None:
    events, result = call_and_result()
    forgotten = {"type": "error", "error": {"code": "previous_response_not_found", "message": "gone"}}
    host = Host(events, [forgotten], said("Done", "r2"))
    two_turns(host, result, options())
    assert host.ways == [("socket", 1), ("socket", 1), ("socket", 2)]
    assert "previous_response_id" not in host.seen[2][2]


def test_an_idle_connection_that_dies_under_a_request_is_replaced() -> None:
    events, result = call_and_result()
    host = Host(events, [LIMITS, (1001, "restart")], said("Done", "r2"))
    two_turns(host, result, options())
    assert host.ways == [("socket", 1), ("socket", 1), ("socket", 2)]


def test_another_account_has_another_connection() -> None:
    host, given = Host(said("1"), said("2")), options()

    async def use(url: str) -> None:
        await said_by(url, given)
        await said_by(url, replace(given, api_key=token("acc-2")))

    play(host, use)
    assert host.ways == [("socket", 1), ("socket", 2)]


@pytest.mark.parametrize("given", [options(session_id=None), options(cache_retention="none")])
def test_without_a_session_nothing_is_kept(given: StreamOptions) -> None:
    host = Host(said("1"), said("2"))

    async def use(url: str) -> None:
        await said_by(url, given)
        await said_by(url, given)

    play(host, use)
    assert host.ways == [("socket", 1), ("socket", 2)]
    ids = [peer.headers["session-id"] for peer in host.peers]
    assert ids[0] != ids[1] and given.session_id not in ids


@pytest.mark.parametrize("refuse", [403, 426, 503])
def test_a_refused_websocket_gives_way_to_sse_and_the_session_stays_there(refuse: int) -> None:
    host, given = Host(refuse=refuse), options()

    async def use(url: str) -> Any:
        return await said_by(url, given), await said_by(url, given)

    (first, draft), (second, later) = play(host, use)
    assert first == second == spoken("by SSE")
    assert host.ways == [("refused", 1), ("sse", 2), ("sse", 3)]
    assert later.diagnostics == []
    [note] = draft.diagnostics
    del note["timestamp"], note["details"]["requestBytes"]
    assert note == {
        "type": "provider_transport_failure",
        "error": {
            "name": "Error",
            "message": f"WebSocket error: the host answers {refuse} to the handshake.",
        },
        "details": {
            "configuredTransport": "auto",
            "fallbackTransport": "sse",
            "eventsEmitted": False,
            "phase": "before_message_stream_start",
        },
    }


def test_another_session_tries_its_websocket() -> None:
    host = Host(refuse=426)

    async def use(url: str) -> None:
        await said_by(url, options())
        await said_by(url, options())

    play(host, use)
    assert host.ways == [("refused", 1), ("sse", 2), ("refused", 3), ("sse", 4)]


def test_a_refused_login_is_told_and_is_no_reason_to_do_without_websockets() -> None:
    host, given = Host(said("Yes"), refuse=401), options()

    async def use(url: str) -> Any:
        with pytest.raises(ProviderError, match="Not you") as caught:
            await said_by(url, given)
        host.refuse = None
        return caught.value.status, await said_by(url, given)

    status, (events, _) = play(host, use)
    assert (status, events) == (401, spoken("Yes"))
    assert host.ways == [("refused", 1), ("socket", 2)]


@pytest.mark.parametrize("before", [[], [LIMITS]])
def test_a_websocket_that_closes_before_the_answer_gives_way_to_sse(before: list[Any]) -> None:
    host = Host([*before, (1009, "")])
    events, draft = one(host)
    assert events == spoken("by SSE")
    assert draft.diagnostics[0]["error"]["message"] == "WebSocket closed 1009 message too big"


def test_a_host_that_never_shakes_hands_gives_way_to_sse() -> None:
    async def script(peer: Peer) -> None:
        if (await peer.peek()).startswith("POST"):
            await peer.request()
            await peer.write(sse(*said("by SSE")))
        else:
            await peer.gone()

    async def main() -> Any:
        async with serving(script) as url:
            return await said_by(url, options(connect_timeout_ms=50))

    events, draft = run(main)
    assert events == spoken("by SSE")
    assert draft.diagnostics[0]["error"]["message"] == "WebSocket connect timeout after 50ms"


@pytest.mark.parametrize(
    ("ending", "text"),
    [
        ((1011, "oops"), "WebSocket closed 1011 oops"),
        (Frame(Opcode.CONT, b"of nothing"), "WebSocket error: the host breaks the protocol"),
    ],
)
def test_a_websocket_that_breaks_in_the_answer_is_an_error_and_the_session_goes_on_over_sse(
    ending: Any, text: str
) -> None:
    host, given = Host([*said("Yes")[:3], ending]), options()

    async def use(url: str) -> Any:
        with pytest.raises(TransportError) as caught:
            await said_by(url, given)
        return str(caught.value), await said_by(url, given)

    error, (events, _) = play(host, use)
    assert error.startswith(text)
    assert events == spoken("by SSE")
    assert host.ways == [("socket", 1), ("sse", 2)]


def test_silence_in_the_answer_times_out() -> None:
    host = Host(said("Yes")[:3])
    assert str(failure(host, options(idle_timeout_ms=50))) == "WebSocket idle timeout after 50ms"


TOO_MANY = {"type": "error", "code": "websocket_connection_limit_reached", "message": "60 minutes"}


def test_one_connection_too_many_is_tried_again_then_given_up_for_sse() -> None:
    assert one(host := Host([TOO_MANY], said("Yes")))[0] == spoken("Yes")
    assert host.ways == [("socket", 1), ("socket", 2)]
    assert one(host := Host([TOO_MANY], [TOO_MANY]))[0] == spoken("by SSE")
    assert host.ways == [("socket", 1), ("socket", 2), ("sse", 3)]


def test_what_the_backend_calls_an_error_is_one_on_any_way() -> None:
    error = {"type": "error", "error": {"code": "bad", "message": "No such model"}}
    for host, given in ((Host([error]), options()), (Host(posted=sse(error)), options(transport="sse"))):
        assert str(failure(host, given)) == "Codex error: No such model"
        assert len(host.seen) == 1


def test_what_is_no_json_is_a_failure_and_no_reason_for_sse() -> None:
    host = Host([b"{no"])
    assert "JSON" in str(failure(host))
    assert host.ways == [("socket", 1)]


def test_a_usage_limit_is_told_in_plain_words_with_its_end() -> None:
    body = json.dumps({"error": {"type": "usage_limit_reached", "plan_type": "plus"}}).encode()
    error = failure(
        Host(posted=answer(body, status=429, headers="retry-after: 90\r\n")), options(transport="sse")
    )
    assert str(error) == "You have hit your ChatGPT usage limit (plus plan)."
    assert (error.status, error.retry_after_ms) == (429, 90_000)


@pytest.mark.parametrize("sent", [0, 3])
def test_cancelling_closes_the_connection_at_once(sent: int) -> None:
    host = Host(said("Yes")[:sent])

    async def use(url: str) -> None:
        begun = asyncio.Event()

        async def read() -> None:
            async for event in stream(Draft(a_model(url)), CONTEXT, options()):
                if isinstance(event, BlockDelta):
                    begun.set()

        task = asyncio.create_task(read())
        if sent:
            await begun.wait()
        else:
            while not host.seen:
                await asyncio.sleep(0)
        task.cancel()
        await host.ended.wait()
        await asyncio.gather(task, return_exceptions=True)

    play(host, use)
    assert host.peers[0].closed == Close(1000, "done")


def test_the_hooks_see_what_is_sent_and_what_comes() -> None:
    answers: list[tuple[int, str | None]] = []
    events: list[str] = []

    async def on_payload(payload: dict[str, Any]) -> dict[str, Any]:
        return payload | {"service_tier": "flex"}

    async def on_headers(headers: dict[str, str]) -> dict[str, str]:
        return headers | {"x-hook": "1"}

    async def on_response(status: int, headers: dict[str, str]) -> None:
        answers.append((status, headers.get("x-codex-primary-used-percent")))

    async def on_event(event: Any) -> None:
        events.append(event["type"])

    given = options(
        on_payload=on_payload, on_headers=on_headers, on_response=on_response, on_stream_event=on_event
    )
    host = Host([LIMITS, *said("1")], said("2"))

    async def use(url: str) -> None:
        await said_by(url, given)
        await said_by(url, given)

    play(host, use)
    assert answers == [(101, "5"), (200, "7")]
    assert events == [event["type"] for event in (LIMITS, *said("1"), *said("2"))]
    assert host.seen[0][2]["service_tier"] == "flex"
    assert host.peers[0].headers["x-hook"] == "1"

    answers.clear()
    posted = answer(*map(data, (LIMITS, *said("1"))), headers="x-codex-primary-used-percent: 6\r\n")
    one(host := Host(refuse=426, posted=posted), replace(given, session_id=uuid7()))
    assert answers == [(200, "6"), (200, "7")]
    assert host.seen[1][2]["service_tier"] == "flex"
    assert host.peers[1].headers["x-hook"] == "1"


def test_what_the_user_stops_says_so() -> None:
    host = Host(said("Yes"))

    async def use(url: str) -> Any:
        asked = ask(a_model(url), CONTEXT, options())
        return asked.stopped_text, asked.close(), [event async for event in asked][-1]

    text, closed, last = play(host, use)
    assert (text, closed) == ("Request was aborted", [])
    assert isinstance(last, StreamEnd) and last.message.text == "Yes"
