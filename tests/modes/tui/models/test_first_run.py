"""Without a model, the welcome leads to one in three steps at most."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from pi.llm.local_servers import LocalServer
from pi.llm.models import Model
from pi.llm.registry import MissingKeyError, ModelRegistry
from pi.modes.tui.pickers.first_run import first_run, remember_place
from tests.modes.tui.models.stage import DOWN, ENTER, ESCAPE, UP, FakeStage, saved, session_of

NOBODY = Model("unknown", "unknown", "unknown", "")


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    for name in (*ModelRegistry(tmp_path_factory.mktemp("none")).key_names(), "PI_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    yield


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        data = json.dumps({"data": [{"id": "tiny", "max_model_len": 4096}, {"id": "large"}]}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def vllm() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


async def nobody() -> list[LocalServer]:
    return []


def test_a_key_is_three_steps_to_a_model_that_stays() -> None:
    async def main() -> None:
        async with session_of() as session:
            await session.models.use(NOBODY)
            stage = FakeStage(session, [DOWN, ENTER], ["groq", ENTER], ["sk-1", ENTER])
            assert await first_run(stage, MissingKeyError("unknown"), find=nobody)
            assert session.model.provider == "groq"
            assert saved(session) == {"defaultProvider": "groq", "defaultModel": session.model.id}
            assert "Welcome to Pi" in stage.screens[0]
            assert "No API key found for unknown." in stage.screens[0]

    asyncio.run(main())


def test_a_server_that_answers_is_offered_when_it_is_found() -> None:
    async def main(root: str) -> None:
        server = LocalServer("vLLM", "vllm", f"{root}/v1", ("tiny", "large"))

        async def find() -> list[LocalServer]:
            return [server, LocalServer("Ollama", "ollama", "http://127.0.0.1:1/v1", ())]

        async with session_of({"vllm": {"baseUrl": f"{root}/v1"}}) as session:
            await session.models.use(NOBODY)
            stage = FakeStage(session, [found, DOWN, DOWN, ENTER], ["large", ENTER])
            assert await first_run(stage, "No model.", find=find)
            assert "Use vLLM on this machine  2 models" in stage.screens[0]
            assert session.model.ref == "vllm/large"
            assert saved(session) == {"defaultProvider": "vllm", "defaultModel": "large"}

    async def found(panel: Any) -> None:
        seen = asyncio.Event()
        panel.changed = seen.set
        await seen.wait()

    with vllm() as root:
        asyncio.run(main(root))


def test_somebody_who_gives_up_comes_back_and_can_leave() -> None:
    async def main() -> None:
        async with session_of() as session:
            await session.models.use(NOBODY)
            stage = FakeStage(session, [ENTER], [ESCAPE], [UP, ENTER])
            assert not await first_run(stage, "No model.", find=nobody)
            assert stage.gone
            stage = FakeStage(session, [ESCAPE])
            assert not await first_run(stage, "No model.", find=nobody)
            assert not stage.gone

    asyncio.run(main())


def test_the_demo_is_shown_and_the_welcome_stays() -> None:
    async def main() -> None:
        async with session_of() as session:
            await session.models.use(NOBODY)
            stage = FakeStage(session, [DOWN, DOWN, ENTER], [ESCAPE])
            assert not await first_run(stage, "No model.", find=nobody)
            (block,) = stage.shown
            assert "scripted model" in block.text()
            assert stage.worked == ["The demo plays…", None]

    asyncio.run(main())


def test_a_server_at_another_port_is_remembered_there() -> None:
    async def main(root: str) -> None:
        async with session_of() as session:
            await session.models.use(NOBODY)
            way = session.setup.registry.env_of
            assert "LLAMA_BASE_URL" not in way("llama.cpp")
            await remember_place(session, LocalServer("llama.cpp", "llama.cpp", f"{root}/v1", ("tiny",)))
            assert way("llama.cpp")["LLAMA_BASE_URL"] == root

    asyncio.run(main("http://127.0.0.1:8080"))
