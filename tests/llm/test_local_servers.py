"""Model servers on this machine are found by what they answer, and nobody's silence holds us up."""

import asyncio
import socket

from pi.llm.local_servers import CANDIDATES, Candidate, LocalServer, find_local_servers


async def serve(answer: bytes | None) -> tuple[asyncio.Server, int]:
    """A server on a free port that gives one answer; None: it listens and never says a word."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if answer is None:
            await reader.read()
        else:
            status = b"404 Not Found" if answer == b"lost" else b"200 OK"
            writer.write(b"HTTP/1.1 %s\r\ncontent-length: %d\r\n\r\n%s" % (status, len(answer), answer))
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_servers_are_told_with_their_models_and_the_rest_is_passed_over() -> None:
    async def main() -> None:
        answers = {
            "Ollama": b'{"models": [{"name": "qwen3:8b", "size": 1}, {"name": "gemma"}]}',
            "vLLM": b'{"object": "list", "data": [{"id": "org/model", "object": "model"}]}',
            "Empty": b'{"data": []}',
            "Web": b"<html>hello</html>",
            "Other": b'{"status": "up"}',
            "Lost": b"lost",
            "Silent": None,
        }
        servers = {name: await serve(answer) for name, answer in answers.items()}
        candidates = [Candidate(name, name.lower(), port) for name, (_, port) in servers.items()]
        found = await find_local_servers((Candidate("Nobody", "nobody", closed_port()), *candidates))
        for server, _ in servers.values():
            server.close()
        ports = {name: port for name, (_, port) in servers.items()}
        assert found == [
            LocalServer("Ollama", "ollama", f"http://127.0.0.1:{ports['Ollama']}/v1", ("qwen3:8b", "gemma")),
            LocalServer("vLLM", "vllm", f"http://127.0.0.1:{ports['vLLM']}/v1", ("org/model",)),
            LocalServer("Empty", "empty", f"http://127.0.0.1:{ports['Empty']}/v1", ()),
        ]

    asyncio.run(main())


def test_the_usual_ports_are_looked_at() -> None:
    assert {candidate.name: candidate.port for candidate in CANDIDATES} == {
        "Ollama": 11434,
        "llama.cpp": 8080,
        "LM Studio": 1234,
        "vLLM": 8000,
    }
