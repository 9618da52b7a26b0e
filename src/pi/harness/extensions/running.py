"""Programs that an extension runs and waits for: an argv, no shell, output that can't fill the memory."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from msgspec import Struct

from pi.platform.errors import PiError
from pi.platform.process import run

LIMIT = 16 * 1024 * 1024  # bytes of output that are kept


class Ran(Struct, frozen=True):
    """How a program ended: `code` is 128 + n for signal n; `output` is what it wrote."""

    code: int
    output: str
    timed_out: bool = False
    truncated: bool = False

    @property
    def ok(self) -> bool:
        """Whether it ended well."""
        return self.code == 0


async def run_program(
    argv: Sequence[str],
    cwd: Path,
    timeout: float | None,
    env: Mapping[str, str] | None,
    stdin: str | None,
    stderr: Literal["merge", "drop"],
) -> Ran:
    """Run it to its end; after `timeout` s its whole tree is killed. Raises PiError if it can't start."""
    output = bytearray()
    total = 0

    def take(piece: bytes) -> None:
        nonlocal total
        total += len(piece)
        output.extend(piece[: max(LIMIT - len(output), 0)])

    environment = {**os.environ, **(env or {})}
    with tempfile.TemporaryFile() as given:
        given.write((stdin or "").encode())
        given.seek(0)
        try:
            end = await run(
                list(argv),
                on_output=take,
                cwd=cwd,
                env=environment,
                timeout_ms=None if timeout is None else timeout * 1000,
                stdin=given,
                stderr=stderr,
            )
        except (OSError, ValueError) as error:
            raise PiError(f"Can't run {argv[0] if argv else 'nothing'}: {error}") from error
    return Ran(end.code, output.decode("utf-8", "replace"), end.timed_out, total > LIMIT)
