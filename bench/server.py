"""The scripted model server that all peers talk to: answers by script, and notes when each request came.

Loopback only. The answer is never computed: as many tool calls as the script says, one per request, then
text in as many pieces as it says, each in a write of its own, as quickly as they go or so many a second. A
new wire format is one function in `FORMATS`.
"""

import functools
import itertools
import json
import re
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PIECE = "lorem ipsum dolor "
LAST_PIECE = "done."
CHAPTER = """
## {title}, chapter {number}

A *store* keeps **one record** for each key; `get` and `put` are described in [the guide](https://example.org/{number}).
Reading is quick, writing takes a lock. What follows tells why, and what that costs in practice.

1. A reader looks the key up in `index`,
2. seeks to the place, and
   - reads the **length** first,
   - then the record *itself*.

```python
class Store:
    def get(self, key: str, default: bytes = b"") -> bytes:
        # at most {number} bytes
        place = self.index.get(key)
        return default if place is None else self.file.read(place)  # no lock
```

| call | times | milliseconds |
| --- | ---: | ---: |
| get | {number} | 0.25 |
| put | 17 | 1.50 |

> Nothing else in the program writes to this file.
"""


@dataclass(frozen=True)
class Script:
    """What the server answers: `tool_turns` calls of `tool`, then a text of `deltas` pieces.

    `at_once` gives an answer in one write, so that the reader alone sets the pace. With a `title`, the text
    is Markdown, a word in each piece, that begins with the title and closes with "End of <title>."
    """

    deltas: int = 1
    rate: float = 0  # pieces a second; 0 is as many as go through
    title: str = ""
    tool_turns: int = 0
    tool: tuple[str, dict[str, Any]] = ("bash", {"command": "true"})
    at_once: bool = False

    def pieces(self) -> list[str]:
        """The text of the answer."""
        if not self.title:
            return [PIECE] * (self.deltas - 1) + [LAST_PIECE]
        words: list[str] = []
        titled = CHAPTER.replace("{title}", self.title)
        for number in itertools.count(1):
            words += re.findall(r"\s*\S+", titled.replace("{number}", str(number)))
            if len(words) >= self.deltas - 1:
                break
        words = words[: self.deltas - 1]
        fence = "\n```" if "".join(words).count("```") % 2 else ""
        return [*words, f"{fence}\n\nEnd of {self.title}."]


@dataclass(frozen=True)
class Request:
    """One request to a model: `at` is the monotonic second at which its headers had been read."""

    at: float
    body: dict[str, Any]


@dataclass
class Play:
    """A script, the requests that it has met, and the seconds spent on answering them.

    `closed` is set when a client has hung up in the middle of a paced answer, and `closed_at` is when.
    """

    script: Script
    requests: list[Request] = field(default_factory=list)
    seconds: float = 0
    closed: threading.Event = field(default_factory=threading.Event)
    closed_at: float = 0


class ScriptedServer(ThreadingHTTPServer):
    """Serves on a free port of 127.0.0.1 from a thread of its own while the `with` block runs."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.current = Play(Script())

    def __enter__(self) -> "ScriptedServer":
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.shutdown()
        self.server_close()

    def play(self, script: Script) -> Play:
        """Answer by `script` from now on; the requests gather in what is returned."""
        self.current = Play(script)
        return self.current

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that dies in the middle of an answer is seen by its exit code, not here."""


class Handler(BaseHTTPRequestHandler):
    """One connection, kept alive as real servers do."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:
        """The bench prints its own lines."""

    def do_GET(self) -> None:
        self.send_error(404)

    def do_POST(self) -> None:
        at = time.monotonic()
        data = self.rfile.read(int(self.headers["Content-Length"]))
        begun = time.monotonic()
        body = json.loads(data)
        events = next((make for path, make in FORMATS.items() if self.path.endswith(path)), None)
        if events is None:
            self.send_error(404)
            return
        assert isinstance(self.server, ScriptedServer)
        play = self.server.current
        play.requests.append(Request(at, body))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        pieces = map(framed, events(body, play.script))
        if play.script.rate:
            if not self.paced(list(pieces), play.script.rate):
                play.closed_at = time.monotonic()
                play.closed.set()
                self.close_connection = True
                return
            pieces = iter(())
        for piece in [b"".join(pieces)] if play.script.at_once else pieces:
            self.wfile.write(piece)
        play.seconds += time.monotonic() - begun
        self.wfile.write(b"0\r\n\r\n")

    def paced(self, pieces: list[bytes], rate: float) -> bool:
        """Write so many a second, by the clock; False as soon as the client hangs up."""
        begun = time.monotonic()
        for number, piece in enumerate(pieces, start=1):
            try:
                self.wfile.write(piece)
                left = begun + number / rate - time.monotonic()
                if select.select([self.connection], [], [], max(0, left))[0]:
                    if not self.connection.recv(1, socket.MSG_PEEK):
                        return False
                    time.sleep(max(0, begun + number / rate - time.monotonic()))  # it says something early
            except OSError:  # reset
                return False
        return True


def framed(event: str) -> bytes:
    """A server-sent event as one chunk of the body."""
    data = f"data: {event}\n\n".encode()
    return b"%x\r\n%s\r\n" % (len(data), data)


def chat_completions(body: dict[str, Any], script: Script) -> Iterator[str]:
    """The answer as OpenAI chat completion chunks."""
    results = sum(message["role"] == "tool" for message in body["messages"])
    head = {"id": f"chat-{results}", "object": "chat.completion.chunk", "created": 1, "model": body["model"]}

    def chunk(delta: dict[str, Any], finish: str | None = None) -> str:
        return json.dumps({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})

    yield chunk({"role": "assistant", "content": ""})
    if results < script.tool_turns:
        name, arguments = script.tool
        function = {"name": name, "arguments": json.dumps(arguments)}
        call = {"index": 0, "id": f"call_{results}", "type": "function", "function": function}
        yield chunk({"tool_calls": [call]})
        yield chunk({}, "tool_calls")
    else:
        yield from map(functools.cache(lambda piece: chunk({"content": piece})), script.pieces())
        yield chunk({}, "stop")
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    yield json.dumps({**head, "choices": [], "usage": usage})
    yield "[DONE]"


def responses(body: dict[str, Any], script: Script) -> Iterator[str]:
    """The answer as events of OpenAI's Responses API."""
    results = sum(str(item.get("type")).endswith("_call_output") for item in body["input"])
    head = {"id": f"resp_{results}", "object": "response", "created_at": 1, "model": body["model"]}
    item: dict[str, Any]

    def event(kind: str, **fields: Any) -> str:
        return json.dumps({"type": kind, **fields})

    yield event("response.created", response={**head, "status": "in_progress", "output": []})
    if results < script.tool_turns:
        call = {"type": "function_call", "id": f"fc_{results}", "call_id": f"call_{results}"}
        item = {**call, "name": "exec_command", "arguments": json.dumps({"cmd": script.tool[1]["command"]})}
        yield event("response.output_item.done", output_index=0, item=item)
    else:
        item = {"type": "message", "id": "msg_0", "role": "assistant", "status": "completed"}
        yield event("response.output_item.added", output_index=0, item={**item, "content": []})
        pieces = script.pieces()
        for piece in pieces:
            yield event(
                "response.output_text.delta", item_id="msg_0", output_index=0, content_index=0, delta=piece
            )
        item["content"] = [{"type": "output_text", "text": "".join(pieces), "annotations": []}]
        yield event("response.output_item.done", output_index=0, item=item)
    usage = {"input_tokens": 100, "output_tokens": 10, "total_tokens": 110}
    yield event(
        "response.completed", response={**head, "status": "completed", "output": [item], "usage": usage}
    )


FORMATS: dict[str, Callable[[dict[str, Any], Script], Iterator[str]]] = {
    "/chat/completions": chat_completions,
    "/responses": responses,
}
