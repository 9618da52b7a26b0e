"""Four protocols as servers speak them: an answer as pieces of a stream, and a history as it was sent."""

import json
from collections.abc import Iterator
from itertools import count
from typing import Any, Literal, NamedTuple, Protocol

from msgspec import Struct


class Spent(NamedTuple):
    """Tokens of one request; `fresh` and `cached` are what was sent."""

    fresh: int = 0
    written: int = 0
    cached: int = 0


class Answer(Struct, frozen=True):
    """What a model says: a text, calls of the counting tool by the number they are given, what it cost."""

    id: str
    text: str
    calls: tuple[int, ...]
    spent: Spent
    cut: bool = False  # it stops for length


class Piece(NamedTuple):
    """An event of a stream, and what its reader knows of the spend after it."""

    data: bytes
    spent: Spent = Spent()
    where: Literal["text", "call", "end", ""] = ""


class Atom(NamedTuple):
    """A part of a history; `id` joins a call and its result."""

    kind: Literal["user", "said", "call", "result"]
    id: str
    text: str = ""


class Wire(Protocol):
    """A protocol as its server sees it."""

    api: str

    def pieces(self, answer: Answer) -> Iterator[Piece]: ...
    def failure(self, text: str) -> bytes:
        """The event that tells of a failure in the middle of an answer."""
        ...

    def history(self, body: dict[str, Any]) -> Iterator[Atom]: ...


def _event(data: dict[str, Any], name: str = "") -> bytes:
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(data)}\n\n".encode()


def _halves(text: str) -> tuple[str, str]:
    return text[: len(text) // 2], text[len(text) // 2 :]


def _arguments(number: int) -> str:
    return json.dumps({"number": number})


def _texts(content: Any) -> str:
    if isinstance(content, str) or content is None:
        return content or ""
    return " ".join(block.get("text", "") for block in content)


class Completions:
    """Chat Completions."""

    api = "openai-completions"

    def pieces(self, answer: Answer) -> Iterator[Piece]:
        for text in _halves(answer.text):
            yield Piece(self._chunk(answer, {"content": text}), where="text")
        for index, number in enumerate(answer.calls):
            for at, half in enumerate(_halves(_arguments(number))):
                call: dict[str, Any] = {"index": index, "function": {"arguments": half}}
                if at == 0:
                    call |= {"id": f"call_{number}", "type": "function"}
                    call["function"]["name"] = "count"
                yield Piece(self._chunk(answer, {"tool_calls": [call]}), where="call")
        fresh, written, cached = answer.spent
        usage = {
            "prompt_tokens": fresh + cached,
            "completion_tokens": written,
            "prompt_tokens_details": {"cached_tokens": cached},
        }
        reason = "length" if answer.cut else "tool_calls" if answer.calls else "stop"
        yield Piece(self._chunk(answer, {}, reason, usage=usage), answer.spent, "end")
        yield Piece(b"data: [DONE]\n\n", answer.spent, "end")

    def _chunk(self, answer: Answer, delta: dict[str, Any], reason: str | None = None, **more: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return _event({"id": answer.id, "model": "m", "choices": [choice], **more})

    def failure(self, text: str) -> bytes:
        return _event({"error": {"message": text}})

    def history(self, body: dict[str, Any]) -> Iterator[Atom]:
        for message in body["messages"]:
            match message["role"]:
                case "user":
                    yield Atom("user", "", _texts(message["content"]))
                case "assistant":
                    if text := _texts(message.get("content")):
                        yield Atom("said", "", text)
                    for call in message.get("tool_calls", ()):
                        json.loads(call["function"]["arguments"])
                        yield Atom("call", call["id"])
                case "tool":
                    yield Atom("result", message["tool_call_id"], _texts(message["content"]))
                case role:
                    assert role in ("system", "developer"), role


class Messages:
    """Anthropic Messages."""

    api = "anthropic-messages"

    def pieces(self, answer: Answer) -> Iterator[Piece]:
        fresh, written, cached = answer.spent
        begun = Spent(fresh, 1, cached)
        usage = {"input_tokens": fresh, "output_tokens": 1, "cache_read_input_tokens": cached}
        message = {"id": answer.id, "model": "m", "role": "assistant", "content": [], "usage": usage}
        yield Piece(self._named("message_start", message=message), begun)
        block: dict[str, Any] = {"type": "text", "text": ""}
        deltas = [{"type": "text_delta", "text": text} for text in _halves(answer.text)]
        for data in self._block(0, block, deltas):
            yield Piece(data, begun, "text")
        for index, number in enumerate(answer.calls, 1):
            block = {"type": "tool_use", "id": f"call_{number}", "name": "count", "input": {}}
            halves = _halves(_arguments(number))
            deltas = [{"type": "input_json_delta", "partial_json": half} for half in halves]
            for data in self._block(index, block, deltas):
                yield Piece(data, begun, "call")
        reason = "max_tokens" if answer.cut else "tool_use" if answer.calls else "end_turn"
        ended = self._named("message_delta", delta={"stop_reason": reason}, usage={"output_tokens": written})
        yield Piece(ended, answer.spent, "end")
        yield Piece(self._named("message_stop"), answer.spent, "end")

    def _block(self, index: int, block: dict[str, Any], deltas: list[dict[str, Any]]) -> Iterator[bytes]:
        yield self._named("content_block_start", index=index, content_block=block)
        for delta in deltas:
            yield self._named("content_block_delta", index=index, delta=delta)
        yield self._named("content_block_stop", index=index)

    def _named(self, name: str, **data: Any) -> bytes:
        return _event({"type": name, **data}, name)

    def failure(self, text: str) -> bytes:
        return self._named("error", error={"type": "api_error", "message": text})

    def history(self, body: dict[str, Any]) -> Iterator[Atom]:
        for message in body["messages"]:
            assert message["role"] in ("user", "assistant", "system"), message["role"]
            content = message["content"]
            blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
            assert blocks, "a message without content"
            for block in blocks:
                match block["type"]:
                    case "text" if message["role"] != "system":
                        assert block["text"].strip(), "an empty text block"
                        yield Atom("user" if message["role"] == "user" else "said", "", block["text"])
                    case "tool_use":
                        assert isinstance(block["input"], dict)
                        yield Atom("call", block["id"])
                    case "tool_result":
                        yield Atom("result", block["tool_use_id"], _texts(block.get("content")))
                    case _:
                        pass


class Responses:
    """OpenAI Responses."""

    api = "openai-responses"

    def pieces(self, answer: Answer) -> Iterator[Piece]:
        yield Piece(self._typed("response.created", response={"id": answer.id}))
        item: dict[str, Any] = {"type": "message", "id": f"msg_{answer.id}", "role": "assistant"}
        yield Piece(self._item("added", 0, item | {"content": []}), where="text")
        for text in _halves(answer.text):
            delta = self._typed("response.output_text.delta", output_index=0, delta=text)
            yield Piece(delta, where="text")
        whole = item | {"content": [{"type": "output_text", "text": answer.text}]}
        yield Piece(self._item("done", 0, whole), where="text")
        for index, number in enumerate(answer.calls, 1):
            item = {"type": "function_call", "id": f"fc_{number}", "call_id": f"call_{number}"}
            item |= {"name": "count", "arguments": ""}
            yield Piece(self._item("added", index, item), where="call")
            for half in _halves(_arguments(number)):
                name = "response.function_call_arguments.delta"
                yield Piece(self._typed(name, output_index=index, delta=half), where="call")
            done = item | {"arguments": _arguments(number)}
            yield Piece(self._item("done", index, done), where="call")
        fresh, written, cached = answer.spent
        usage = {
            "input_tokens": fresh + cached,
            "output_tokens": written,
            "total_tokens": sum(answer.spent),
            "input_tokens_details": {"cached_tokens": cached},
        }
        name = "incomplete" if answer.cut else "completed"
        response: dict[str, Any] = {"id": answer.id, "status": name, "usage": usage}
        if answer.cut:
            response["incomplete_details"] = {"reason": "max_output_tokens"}
        yield Piece(self._typed(f"response.{name}", response=response), answer.spent, "end")

    def _item(self, what: str, index: int, item: dict[str, Any]) -> bytes:
        return self._typed(f"response.output_item.{what}", output_index=index, item=item)

    def _typed(self, name: str, **data: Any) -> bytes:
        return _event({"type": name, **data}, name)

    def failure(self, text: str) -> bytes:
        error = {"code": "server_error", "message": text}
        return self._typed("response.failed", response={"status": "failed", "error": error})

    def history(self, body: dict[str, Any]) -> Iterator[Atom]:
        for item in body["input"]:
            match item.get("type", "message"):
                case "message" if item["role"] == "user":
                    yield Atom("user", "", _texts(item["content"]))
                case "message" if item["role"] == "assistant" and (text := _texts(item["content"])):
                    yield Atom("said", "", text)  # empty: Gemini closes an answer with an empty text
                case "function_call":
                    json.loads(item["arguments"])
                    yield Atom("call", item["call_id"])
                case "function_call_output":
                    yield Atom("result", item["call_id"], _texts(item["output"]))
                case _:
                    pass


class Gemini:
    """The Gemini API."""

    api = "google-generative-ai"

    def pieces(self, answer: Answer) -> Iterator[Piece]:
        spent = Spent(answer.spent.fresh, 1, answer.spent.cached)
        for text in _halves(answer.text):
            yield self._chunk(answer, {"text": text}, spent, "text")
        for number in answer.calls:
            call = {"id": f"call_{number}", "name": "count", "args": {"number": number}}
            yield self._chunk(answer, {"functionCall": call}, spent, "call")
        reason = "MAX_TOKENS" if answer.cut else "STOP"
        yield self._chunk(answer, {"text": ""}, answer.spent, "end", reason)

    def _chunk(
        self, answer: Answer, part: dict[str, Any], spent: Spent, where: Any, reason: str | None = None
    ) -> Piece:
        candidate: dict[str, Any] = {"content": {"role": "model", "parts": [part]}}
        if reason:
            candidate["finishReason"] = reason
        usage = {
            "promptTokenCount": spent.fresh + spent.cached,
            "candidatesTokenCount": spent.written,
            "cachedContentTokenCount": spent.cached,
            "totalTokenCount": sum(spent),
        }
        data = {"responseId": answer.id, "candidates": [candidate], "usageMetadata": usage}
        return Piece(_event(data), spent, where)

    def failure(self, text: str) -> bytes:
        return json.dumps({"error": {"code": 503, "message": text, "status": "UNAVAILABLE"}}).encode()

    def history(self, body: dict[str, Any]) -> Iterator[Atom]:
        calls, results = count(), count()  # without ids, the first result belongs to the first call
        for content in body["contents"]:
            assert content["role"] in ("user", "model"), content["role"]
            assert content["parts"], "a content without parts"
            for part in content["parts"]:
                match part:
                    case {"functionCall": _}:
                        yield Atom("call", f"{next(calls)}")
                    case {"functionResponse": response}:
                        yield Atom("result", f"{next(results)}", json.dumps(response["response"]))
                    case {"text": text}:
                        yield Atom("user" if content["role"] == "user" else "said", "", text)
                    case _:
                        raise AssertionError(f"a part that is nothing: {part}")


WIRES: tuple[Wire, ...] = (Completions(), Messages(), Responses(), Gemini())
