"""A real `pi` process in a folder of its own, beside a scripted provider on loopback."""

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "conformance" / "golden"))


class Provider:
    """The scripted provider on a thread of its own; `turns` are its answers, `requests` what it was asked."""

    def __init__(self) -> None:
        from fake_provider import FakeProvider

        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = FakeProvider({"turns": [], "after": {"text": "Fine."}})
        self.port = self._await(self._server.start())

    def script(self, *turns: Any, after: Any = None) -> None:
        self._server.turns = list(turns)
        self._server.after = after or {"text": "Fine."}

    @property
    def requests(self) -> list[dict[str, Any]]:
        return self._server.requests

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


@pytest.fixture(scope="session")
def provider() -> Iterator[Provider]:
    provider = Provider()
    yield provider
    provider.close()


@pytest.fixture
def world(tmp_path: Path, provider: Provider) -> World:
    provider.script()
    provider.requests.clear()
    return World(tmp_path, provider)
