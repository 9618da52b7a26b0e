"""An authorization server on loopback: it checks PKCE, rotates its refresh tokens, and does as it is told."""

import hashlib
import json
import threading
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

Answer = tuple[int, Any] | None
"""Status and body (bytes as they are, anything else as JSON); None closes the connection without a word."""


class Asked(NamedTuple):
    path: str
    headers: dict[str, str]  # names in lower case
    fields: dict[str, str]


class Authority:
    def __init__(self, url: str):
        self.url = url
        self.asked: list[Asked] = []
        self.next: list[Answer] = []  # answers that come before it goes by its own rules
        self.more: dict[str, Any] = {"expires_in": 3600}
        self.device: dict[str, Any] = {"device_code": "device-1", "user_code": "ABCD-EFGH", "expires_in": 60}
        self.refresh_tokens = {"refresh-0"}
        self.pages: dict[str, list[Answer]] = {}  # answers by path, the last one again and again
        self.access: Callable[[int], str] = lambda number: f"access-{number}"
        self._codes: dict[str, dict[str, str]] = {}
        self._numbers = count(1)
        self._lock = threading.Lock()

    @property
    def token_url(self) -> str:
        return f"{self.url}/token"

    def refreshes(self) -> int:
        return sum(asked.fields.get("grant_type") == "refresh_token" for asked in self.asked)

    def authorize(self, query: dict[str, str]) -> str:
        """Where the browser goes to, for a person who allows everything at once."""
        with self._lock:
            code = f"code-{next(self._numbers)}"
            self._codes[code] = query
        if "callback_url" in query:  # OpenRouter's way
            return f"{query['callback_url']}?{urlencode({'code': code})}"
        back = {"code": code, "state": query["state"]}
        if query["client_id"] == "dynamic_agent_client":  # OpenAI's way
            back["client_id"] = "issued-to-pi"
        return f"{query['redirect_uri']}?{urlencode(back)}"

    def allow(self, code: str, *, verifier: str, redirect_uri: str) -> None:
        """A code that came without a redirect."""
        digest = hashlib.sha256(verifier.encode()).digest()
        challenge = urlsafe_b64encode(digest).decode().rstrip("=")
        self._codes[code] = {"code_challenge": challenge, "redirect_uri": redirect_uri}

    def answer(self, asked: Asked) -> Answer:
        with self._lock:
            self.asked.append(asked)
            if self.next:
                return self.next.pop(0)
            if answers := self.pages.get(asked.path):
                return answers.pop(0) if len(answers) > 1 else answers[0]
            if asked.path == "/device":
                return 200, {"verification_uri": f"{self.url}/activate", **self.device}
            return self._grant(asked.fields)

    def _grant(self, fields: dict[str, str]) -> Answer:
        match fields.get("grant_type"):
            case "authorization_code":
                login = self._codes.pop(fields["code"], {})
                digest = hashlib.sha256(fields.get("code_verifier", "").encode()).digest()
                challenge = urlsafe_b64encode(digest).decode().rstrip("=")
                if (challenge, fields["redirect_uri"]) != (
                    login.get("code_challenge"),
                    login.get("redirect_uri"),
                ):
                    return 400, {"error": "invalid_grant"}
            case "refresh_token":
                if fields["refresh_token"] not in self.refresh_tokens:
                    return 400, {"error": "invalid_grant", "error_description": "refresh token was used"}
                self.refresh_tokens.remove(fields["refresh_token"])
            case _:
                pass
        number = next(self._numbers)
        self.refresh_tokens.add(f"refresh-{number}")
        return 200, {"access_token": self.access(number), "refresh_token": f"refresh-{number}", **self.more}


@contextmanager
def authority() -> Iterator[Authority]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.block_on_close = False  # a client may keep its connection
    server.authority = Authority(f"http://127.0.0.1:{server.server_port}")  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.authority  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 5

    def do_GET(self) -> None:
        if self.path in self._authority.pages:
            self._answer({})
            return
        target = self._authority.authorize(dict(parse_qsl(urlsplit(self.path).query)))
        self.send_response(302)
        self.send_header("location", target)
        self.send_header("content-length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["content-length"]))
        kind = self.headers["content-type"]
        self._answer(json.loads(raw) if kind == "application/json" else dict(parse_qsl(raw.decode())))

    def _answer(self, fields: dict[str, str]) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self._authority.answer(Asked(self.path, headers, fields))
        self.close_connection = True
        if answer is None:
            return
        status, body = answer
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        pass

    @property
    def _authority(self) -> Authority:
        return self.server.authority  # type: ignore[attr-defined]
