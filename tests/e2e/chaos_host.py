"""Four providers on the loopback that answer or fail by a seeded plan, and look at what they are sent."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from random import Random
from typing import Any

from tests.e2e.chaos_faults import (
    Cut,
    Failure,
    Fault,
    Nonsense,
    Refusal,
    Reset,
    Short,
    Silence,
    TooMuch,
    pick,
)
from tests.e2e.chaos_wires import WIRES, Answer, Atom, Piece, Spent, Wire

WINDOWS = {"a": 100_000, "b": 50_000, "c": 200_000, "d": 400_000}  # tokens, of the providers in WIRES' order
PRICES = {"input": 2.0, "output": 8.0, "cacheRead": 0.5, "cacheWrite": 0.0}  # USD per million tokens
FAULTY = 0.5  # of all requests
_CHUNKED = "HTTP/1.1 200 OK\r\ncontent-type: {}\r\ntransfer-encoding: chunked\r\n{}\r\n"


class ChaosHost:
    """What happened to it: problems with histories, tokens told to whoever asked, faults by family."""

    def __init__(self, seed: str):
        self.rng = Random(seed)
        self.problems: list[str] = []
        self.spent: list[Spent] = []  # by requests of the conversation
        self.summaries: list[Spent] = []  # by requests for summaries
        self.figures: Counter[str] = Counter()
        self.whole_calls: set[int] = set()  # of answers that arrived whole
        self.said: list[str] = []  # by the user, as long as nothing was compacted
        self.ports: dict[str, int] = {}
        self._number = count(1)
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Serve inside this block."""
        servers: list[asyncio.Server] = []
        for name, wire in zip(WINDOWS, WIRES, strict=True):
            server = await asyncio.start_server(self._served(name, wire), "127.0.0.1", 0)
            self.ports[name] = server.sockets[0].getsockname()[1]
            servers.append(server)
        try:
            yield
        finally:
            for server in servers:
                server.close()
            for writer in self._open.values():
                writer.transport.abort()
            await asyncio.gather(*self._open)

    def providers(self) -> dict[str, Any]:
        """The `providers` of a models.json with them."""
        return {
            name: {
                "baseUrl": f"http://127.0.0.1:{self.ports[name]}",
                "api": wire.api,
                "apiKey": f"key-of-{name}",
                "models": [{"id": "m", "contextWindow": WINDOWS[name], "maxTokens": 8000, "cost": PRICES}],
            }
            for name, wire in zip(WINDOWS, WIRES, strict=True)
        }

    def _served(self, name: str, wire: Wire) -> Any:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task
            self._open[task] = writer
            try:
                while await self._answered(name, wire, reader, writer):
                    pass
            except (asyncio.IncompleteReadError, ConnectionError):  # the client is gone
                pass
            finally:
                writer.close()
                del self._open[task]

        return serve

    async def _answered(
        self, name: str, wire: Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Take a request and do what the plan says; True while the connection serves the next one too."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = next(line for line in head.split("\r\n") if line.startswith("content-length:"))
        body = json.loads(await reader.readexactly(int(length.split(":")[1])))
        fault = pick(self.rng) if self.rng.random() < FAULTY else None
        work = bool(body.get("tools"))
        history = self._checked(name, wire, body, work=work)
        self.figures["requests" if work else "summaries"] += 1
        self.figures[f"fault: {fault.family}" if fault else "fault: none"] += 1
        match fault:
            case Refusal():
                return await self._refuse(writer, fault)
            case Reset():
                writer.transport.abort()
                return False
            case Silence():
                await reader.read()
                return False
            case Nonsense(text, kind):
                return await self._send(writer, text.encode(), kind)
            case _:
                answer = self._answer(name, history, fault, work=work)
                return await self._stream(wire, reader, writer, answer, fault, work=work)

    def _answer(self, name: str, history: list[Atom], fault: Fault | None, *, work: bool) -> Answer:
        number, rng = next(self._number), self.rng
        calls = 0
        if work and not isinstance(fault, TooMuch):
            wanted = isinstance(fault, Cut | Short) and rng.random() < 0.7
            last = history[-1].kind if history else ""
            likely = 0.25 if last == "result" else 0.4
            calls = rng.choice((1, 1, 2)) if wanted or rng.random() < likely else 0
        spent = Spent(rng.randint(10, 900), rng.randint(2, 200), rng.choice((0, 0, rng.randint(1, 500))))
        if isinstance(fault, TooMuch):
            spent = Spent(WINDOWS[name] + 10, 0 if fault.cut else 5)
        cut = isinstance(fault, Short) or (isinstance(fault, TooMuch) and fault.cut)
        text = f"answer {number} of {name}: äöü 🦊 and some more words"
        return Answer(f"r{number}", text, tuple(number * 10 + at for at in range(calls)), spent, cut)

    async def _stream(
        self,
        wire: Wire,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        answer: Answer,
        fault: Fault | None,
        *,
        work: bool,
    ) -> bool:
        pieces = list(wire.pieces(answer))
        data = b"".join(piece.data for piece in pieces)
        until, after = len(data), b""
        if isinstance(fault, Cut):
            until = self._place(pieces, fault)
        elif isinstance(fault, Failure):
            ends = [at for at, piece in _ends(pieces) if piece.where != "end"]
            until, after = self.rng.choice(ends), wire.failure(fault.text)
        elif fault is None:
            self.whole_calls.update(answer.calls)
        told = [piece.spent for at, piece in _ends(pieces) if at <= until]
        (self.spent if work else self.summaries).append(told[-1] if told else Spent())
        writer.write(_CHUNKED.format("text/event-stream", "").encode())
        await self._write(writer, data[:until])
        await self._write(writer, after)
        match fault:
            case Cut(then="drop"):
                return False
            case Cut(then="silence"):
                await reader.read()
                return False
            case _:
                writer.write(b"0\r\n\r\n")
                await writer.drain()
                return True

    def _place(self, pieces: list[Piece], cut: Cut) -> int:
        """Where an answer stops: never in the last bytes of an event, which only tell that it is over."""
        spans = [(at - len(piece.data), at, piece) for at, piece in _ends(pieces)]
        if cut.where == "end":
            return next(start for start, _, piece in spans if piece.where == "end")
        wanted = [span for span in spans if cut.where in ("any", span[2].where)] or spans
        start, end, _ = self.rng.choice(wanted)
        return self.rng.randint(start, end - 4)

    async def _write(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        """In pieces of any size, cut inside of characters and lines too."""
        while data:
            size = self.rng.choice((1, 7, 100, 1000, 5000))
            part, data = data[:size], data[size:]
            writer.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
            await writer.drain()

    async def _refuse(self, writer: asyncio.StreamWriter, refusal: Refusal) -> bool:
        kind = "text/html" if refusal.body.startswith("<") else "application/json"
        fields = [f"content-type: {kind}", f"content-length: {len(refusal.body)}", *refusal.headers]
        head = "\r\n".join([f"HTTP/1.1 {refusal.status} X", *fields])
        writer.write(f"{head}\r\n\r\n{refusal.body}".encode())
        await writer.drain()
        return True

    async def _send(self, writer: asyncio.StreamWriter, body: bytes, kind: str) -> bool:
        writer.write(_CHUNKED.format(kind, "").encode())
        await self._write(writer, body)
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True

    def _checked(self, name: str, wire: Wire, body: dict[str, Any], *, work: bool) -> list[Atom]:
        try:
            history = list(wire.history(body))
            check_history(history)
            if work:
                asked = "\n".join(atom.text for atom in history if atom.kind == "user")
                lost = [text for text in self.said if asked.count(text) != 1]
                assert not lost, f"said, but not sent once: {lost}"
        except (AssertionError, KeyError, ValueError) as error:
            self.problems.append(f"{name}: {type(error).__name__}: {error}")
            return []
        return history


def check_history(history: list[Atom]) -> None:
    """Raises AssertionError for a history that providers refuse: each call wants its result, and at once."""
    assert history and history[0].kind == "user", "the user begins"
    assert history[-1].kind in ("user", "result"), f"ends with {history[-1].kind}"
    waiting: list[str] = []
    answered: set[str] = set()
    for before, atom in zip([history[0], *history], history, strict=False):
        match atom.kind:
            case "call":
                assert before.kind != "result" or not waiting, f"call {atom.id} among the results of others"
                assert atom.id not in answered | set(waiting), f"call {atom.id} twice"
                waiting.append(atom.id)
            case "result":
                assert atom.id in waiting, f"result {atom.id} without its call"
                waiting.remove(atom.id)
                answered.add(atom.id)
            case _:
                assert not waiting, f"{atom.kind} before the results of {waiting}"
    assert not waiting, f"no results of {waiting}"


def _ends(pieces: list[Piece]) -> list[tuple[int, Piece]]:
    """The pieces with the number of bytes up to their ends."""
    at = 0
    return [(at := at + len(piece.data), piece) for piece in pieces]
