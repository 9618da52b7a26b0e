"""Drives one Pi in RPC mode over its pipes; reads bytes and decodes what it must, to cost little itself."""

import json
import os
import signal
import subprocess
import threading
import time
from contextlib import suppress
from typing import Any

from runner import RunError, Runner, last_line

READ_SIZE = 1 << 16
LAST_RECORD = b'"agent_settled"'
TAIL = 4096  # bytes that the last record of an answer is looked for in


class RpcProcess:
    """A `with` block around one process: `started` is on the monotonic clock, `cpu` is known after the block.

    A run that outlasts the runner's timeout is killed, and what then waits for it raises RunError.
    """

    def __init__(self, runner: Runner, *arguments: str):
        self.errors = runner.output.open("w+b")
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [*runner.program, *runner.peer.arguments["rpc"], *arguments],
            cwd=runner.work,
            env=runner.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            bufsize=0,
            start_new_session=True,
        )
        assert self.process.stdin and self.process.stdout
        self.stdin, self.stdout = self.process.stdin, self.process.stdout
        self.limit = threading.Timer(runner.timeout, self.kill)
        self.limit.daemon = True
        self.limit.start()
        self.rest = b""
        self.cpu = 0.0  # seconds, user + system

    def __enter__(self) -> "RpcProcess":
        return self

    def __exit__(self, kind: type[BaseException] | None, *exc: object) -> None:
        self.stdin.close()
        if kind:
            self.kill()
        else:
            while os.read(self.stdout.fileno(), READ_SIZE):
                pass
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self.limit.cancel()
        self.cpu = usage.ru_utime + usage.ru_stime
        if not kind and self.process.returncode:
            raise RunError(f"exit code {self.process.returncode}: {self.said()}")
        self.stdout.close()
        self.errors.close()

    def kill(self) -> None:
        with suppress(ProcessLookupError):  # it has ended just now
            os.killpg(self.process.pid, signal.SIGKILL)

    def said(self) -> str:
        self.errors.seek(0)
        return last_line(self.errors.read())

    def send(self, command: str, **fields: Any) -> None:
        record = json.dumps({"id": "1", "type": command, **fields})
        with suppress(BrokenPipeError):  # it has ended: reading says so
            self.stdin.write(record.encode() + b"\n")

    def ask(self, command: str, **fields: Any) -> float:
        """Send a command and wait for its response: the seconds in between. Raises RunError when it fails."""
        start = time.monotonic()
        self.send(command, **fields)
        while True:
            *lines, self.rest = (self.rest + self.read()).split(b"\n")
            for line in lines:
                if b'"type":"response"' in line:
                    taken = time.monotonic() - start
                    if not json.loads(line).get("success"):
                        raise RunError(f"{command}: {last_line(line)}")
                    return taken

    def first_response(self) -> float:
        """Ask for the state: the seconds from the start of the process to its response."""
        self.ask("get_state")
        return time.monotonic() - self.started

    def answer(self, text: str) -> tuple[int, float]:
        """Prompt, and read until nothing is left to do: the records, and the seconds from prompt to last."""
        start = time.monotonic()
        self.send("prompt", message=text)
        records, tail = 0, b""
        while LAST_RECORD not in tail or not tail.endswith(b"\n"):
            data = self.read()
            records += data.count(b"\n")
            tail = (tail + data)[-TAIL:]
        return records, time.monotonic() - start

    def read(self) -> bytes:
        data = os.read(self.stdout.fileno(), READ_SIZE)
        if not data:
            raise RunError(f"ended, or was too slow and killed: {self.said()}")
        return data
