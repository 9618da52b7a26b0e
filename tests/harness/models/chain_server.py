"""Loopback providers of Chat Completions, one a path: each answers by its own script, then with its name."""

import json
import threading
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from msgspec import Struct


class Refusal(Struct, frozen=True):
    """An answer that isn't one."""

    status: int
    body: dict[str, Any] = {}
    headers: dict[str, str] = {}


QUOTA = Refusal(429, {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}})
OVERLOADED = Refusal(503, {"error": {"message": "The server is overloaded"}})
BAD = Refusal(400, {"error": {"message": "messages: this makes no sense"}})
TOO_LONG = Refusal(400, {"error": {"message": "This model's maximum context length is 8000 tokens"}})


class ChainServer:
    """`asked` has the providers in the order of their requests, `bodies` what was sent to each."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.keys: list[str | None] = []
        self.bodies: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.plan: dict[str, list[Refusal | str]] = defaultdict(list)
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                name = self.path.split("/")[1]
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                server.asked.append(name)
                server.keys.append(self.headers["authorization"])
                server.bodies[name].append(body)
                plan = server.plan[name]
                reply = plan.pop(0) if plan else f"I am {name}"
                if isinstance(reply, Refusal):
                    self.answer(reply.status, "application/json", json.dumps(reply.body), reply.headers)
                else:
                    self.answer(200, "text/event-stream", _stream(reply), {})

            def answer(self, status: int, kind: str, text: str, headers: dict[str, str]) -> None:
                data = text.encode()
                self.send_response(status)
                for key, value in {"content-type": kind, "content-length": str(len(data)), **headers}.items():
                    self.send_header(key, value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: Any) -> None: ...

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def write(self, agent_dir: Path, settings: dict[str, Any], **windows: int) -> None:
        """The files of an agent directory with these providers, by name and context window."""
        agent_dir.mkdir(exist_ok=True)
        root = f"http://127.0.0.1:{self._http.server_port}"
        providers = {
            name: {
                "baseUrl": f"{root}/{name}/v1",
                "api": "openai-completions",
                "apiKey": f"key-of-{name}",
                "models": [{"id": "m", "contextWindow": window, "reasoning": True}],
            }
            for name, window in windows.items()
        }
        (agent_dir / "models.json").write_text(json.dumps({"providers": providers}), encoding="utf-8")
        quick = {"retry": {"baseDelayMs": 1, "maxRetries": 2}}
        (agent_dir / "settings.json").write_text(json.dumps(quick | settings), encoding="utf-8")


def _stream(text: str) -> str:
    usage = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}
    events = [
        {"choices": [{"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": usage},
    ]
    return "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
