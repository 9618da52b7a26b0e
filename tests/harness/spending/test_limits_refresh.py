"""`--refresh` asks with the keys that are stored, where requests go, and says what it couldn't learn."""

import asyncio
import json
from pathlib import Path

from pi.harness.spending.limits_book import LimitsBook
from pi.harness.spending.limits_refresh import refresh_limits
from pi.llm.quota import Window
from pi.llm.registry import ModelRegistry


def test_answers_go_into_the_book_and_failures_are_told(tmp_path: Path) -> None:
    seen: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        seen.append(head[0])
        found = "quota/limit" in head[0] and "authorization: zai-key" in head
        body = json.dumps({"data": {"limits": [{"unit": 3, "percentage": 40}]}}).encode()
        status = "200 OK" if found else "500 No"
        writer.write(
            f"HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
        )
        await writer.drain()
        writer.close()

    async def main() -> list[str]:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            host = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            providers = {name: {"baseUrl": f"{host}/v1"} for name in ("zai", "openrouter")}
            (tmp_path / "models.json").write_text(json.dumps({"providers": providers}))
            keys = {"ZAI_API_KEY": "zai-key", "OPENROUTER_API_KEY": "s3cret", "HOME": str(tmp_path)}
            return await refresh_limits(tmp_path, ModelRegistry(tmp_path, env=keys), LimitsBook(tmp_path))

    [problem] = asyncio.run(main())
    assert problem.startswith("The limits of openrouter are unknown: http://127.0.0.1:")
    assert problem.endswith("/api/v1/key answered 500.")
    assert sorted(seen) == [
        "GET /api/monitor/usage/quota/limit HTTP/1.1",
        "GET /api/v1/key HTTP/1.1",
    ]
    assert LimitsBook(tmp_path).windows("zai") == (Window("5h", 0.4),)
