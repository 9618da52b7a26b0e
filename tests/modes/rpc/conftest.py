"""A `pi --mode rpc` process beside a scripted provider; records are read as they come."""

import json
import queue
import subprocess
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.conftest import World, provider, world  # noqa: F401 - fixtures

LIMIT_S = 30


class Pi:
    """One process: `send` commands, `next` and `until` take records in their order."""

    def __init__(self, home: World, *words: str):
        self.process = subprocess.Popen(
            home.command("--mode", "rpc", *words),
            cwd=home.project,
            env=home.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.records: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._threads = [threading.Thread(target=self._read), threading.Thread(target=self._read_stderr)]
        self._errors: list[bytes] = []
        for thread in self._threads:
            thread.start()

    def raw(self, data: bytes) -> None:
        assert self.process.stdin
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, *records: dict[str, Any]) -> None:
        self.raw(b"".join(json.dumps(record).encode() + b"\n" for record in records))

    def next(self) -> dict[str, Any]:
        record = self.records.get(timeout=LIMIT_S)
        assert record is not None, f"Pi has ended: {self.stderr}"
        return record

    def until(self, **fields: Any) -> list[dict[str, Any]]:
        """The records up to the first that has these fields."""
        seen = [self.next()]
        while any(seen[-1].get(name) != value for name, value in fields.items()):
            seen.append(self.next())
        return seen

    def call(self, type: str, **arguments: Any) -> dict[str, Any]:
        """A command's response; what comes before it is passed over."""
        self.send({"id": type, "type": type, **arguments})
        return self.until(type="response", id=type)[-1]

    def data(self, type: str, **arguments: Any) -> Any:
        response = self.call(type, **arguments)
        assert response["success"], response
        return response.get("data")

    def close(self) -> int:
        """End of stdin; the exit code."""
        assert self.process.stdin
        self.process.stdin.close()
        return self.wait()

    def wait(self) -> int:
        code = self.process.wait(LIMIT_S)
        for thread in self._threads:
            thread.join(LIMIT_S)
        return code

    def rest(self) -> list[dict[str, Any]]:
        """What came until the end; call `wait` first."""
        left = list(iter(self.records.get, None))
        return [record for record in left if record is not None]

    @property
    def stderr(self) -> str:
        return b"".join(self._errors).decode("utf-8", "replace")

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.records.put(json.loads(line))
        self.records.put(None)

    def _read_stderr(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            self._errors.append(line)

    def kill(self) -> None:
        self.process.kill()
        self.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert pipe
            try:
                pipe.close()
            except BrokenPipeError:
                pass


Start = Callable[..., Pi]


@pytest.fixture
def start(world: World) -> Iterator[Start]:  # noqa: F811 - it is that fixture
    begun: list[Pi] = []

    def start(*words: str) -> Pi:
        begun.append(Pi(world, "--model", "oai/m", *words))
        return begun[-1]

    yield start
    for pi in begun:
        pi.kill()
