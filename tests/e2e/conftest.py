"""A real `pi` process in a folder of its own, beside a scripted provider on loopback."""

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import tmux

sys.path.insert(0, str(Path(__file__).parents[1] / "conformance" / "golden"))
READY = "(oai) m"  # stands in the footer


class Provider:
    """The scripted provider on a thread of its own; `turns` are its answers, `requests` what it was asked."""

    def __init__(self) -> None:
        from fake_provider import FakeProvider

        class Watched(FakeProvider):
            async def _client(self, reader: Any, writer: Any) -> None:
                connections.append(reader)
                await super()._client(reader, writer)

        connections: list[asyncio.StreamReader] = []
        self.connections = connections  # of clients since the test began, open or not
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = Watched({"turns": [], "after": {"text": "Fine."}})
        self.port = self._await(self._server.start())

    def script(self, *turns: Any, after: Any = None, rules: Mapping[str, Any] | None = None) -> None:
        """The answers by their order; `rules` are answers to requests with that text in them."""
        self._server.turns = list(turns)
        self._server.after = after or {"text": "Fine."}
        self._server.rules = [{"match": text, "turn": turn} for text, turn in (rules or {}).items()]

    @property
    def requests(self) -> list[dict[str, Any]]:
        return self._server.requests

    @property
    def open_connections(self) -> int:
        """How many clients haven't hung up."""
        return sum(not reader.at_eof() for reader in self.connections)

    def asked(self) -> list[str]:
        """The last thing that the user said, by request."""
        return [_said(request["body"])[-1] for request in self.requests]

    def close(self) -> None:
        self._await(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        await self._server.stop()
        others = asyncio.all_tasks() - {asyncio.current_task()}  # connections that hang as they were told
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _await(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)


def _said(body: dict[str, Any]) -> list[str]:
    """What the user says in a request of one of the two protocols."""
    texts: list[str] = []
    for message in body["messages"]:
        if message["role"] == "user":
            content = message["content"]
            parts = content if isinstance(content, list) else [{"text": content}]
            texts += [part["text"] for part in parts if "text" in part]
    return texts


class World:
    """A user's home with one provider of two models, and a project folder."""

    def __init__(self, root: Path, provider: Provider):
        self.provider = provider
        self.agent, self.project = root / "agent", root / "project"
        self.agent.mkdir()
        self.project.mkdir()
        models = [{"id": "m", "reasoning": True}]
        urls = {"oai": ("openai-completions", "/v1"), "ant": ("anthropic-messages", "")}
        self.write_models(
            {
                name: {
                    "baseUrl": f"http://127.0.0.1:{provider.port}{path}",
                    "api": api,
                    "apiKey": "sk-secret-key",
                    "models": models,
                }
                for name, (api, path) in urls.items()
            }
        )

    def write_models(self, providers: dict[str, Any]) -> None:
        (self.agent / "models.json").write_text(json.dumps({"providers": providers}))

    def settings(self, **values: Any) -> None:
        (self.agent / "settings.json").write_text(json.dumps(values))

    @property
    def env(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LANG") if name in os.environ}
        return {
            **kept,
            "HOME": str(self.agent.parent),
            "PI_CODING_AGENT_DIR": str(self.agent),
            "PI_OFFLINE": "1",
        }

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "pi", *words]

    def start(self, *words: str, **options: Any) -> "subprocess.Popen[str]":
        given = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        return subprocess.Popen(self.command(*words), cwd=self.project, env=self.env, text=True, **given)

    def run(self, *words: str, stdin: str | None = None) -> "subprocess.CompletedProcess[str]":
        source = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
        return subprocess.run(
            self.command(*words),
            cwd=self.project,
            env=self.env,
            text=True,
            capture_output=True,
            timeout=60,
            **source,
        )

    def sessions(self) -> list[list[dict[str, Any]]]:
        files = sorted(self.agent.glob("sessions/*/*.jsonl"))
        return [[json.loads(line) for line in path.read_text().splitlines()] for path in files]

    def last_message(self) -> dict[str, Any]:
        (session,) = self.sessions()
        return [entry["message"] for entry in session if entry["type"] == "message"][-1]


class Terminals:
    """Pi in real terminals, each as large as it is asked for; all are closed at the end."""

    def __init__(self, world: World):
        self.world = world
        self._opened: list[tmux.Tmux] = []

    def open(self, *words: str, ready: str | None = READY, **options: Any) -> tmux.Tmux:
        """Pi with these words on its command line, once it shows `ready`."""
        return self.run(self.world.command(*words), ready=ready, **options)

    def run(
        self, argv: list[str], *, ready: str | None = None, env: Mapping[str, str] | None = None, **size: int
    ) -> tmux.Tmux:
        """Any program; `env` goes before the world's."""
        opened = tmux.Tmux(argv, self.world.project, self.world.env | tmux.TERMINAL | dict(env or {}), **size)
        self._opened.append(opened)
        if ready is not None:
            opened.until(ready)
        return opened

    def close(self) -> None:
        for each in self._opened:
            each.close()


@pytest.fixture
def terminals(world: World) -> Iterator[Terminals]:
    if sys.platform != "linux" or not tmux.there():
        pytest.skip("tmux isn't installed, or this isn't Linux")
    terminals = Terminals(world)
    yield terminals
    terminals.close()


@pytest.fixture(scope="session")
def provider() -> Iterator[Provider]:
    provider = Provider()
    yield provider
    provider.close()


@pytest.fixture
def world(tmp_path: Path, provider: Provider) -> World:
    provider.script()
    provider.requests.clear()
    provider.connections.clear()
    return World(tmp_path, provider)
