"""What the doctor finds: checks with a status, and the place that is examined."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from msgspec import Struct

from pi.harness.storage.files import agent_dir as find_agent_dir
from pi.llm.local_servers import CANDIDATES, Candidate

Status = Literal["ok", "warn", "fail"]


class Check(Struct, frozen=True, omit_defaults=True):
    """One finding; `advice` is what to do next."""

    name: str
    status: Status
    text: str
    advice: str = ""
    group: str = ""


def ok(name: str, text: str) -> Check:
    """All is as it should be."""
    return Check(name, "ok", text)


def warn(name: str, text: str, advice: str) -> Check:
    """Pi works, though not as well or as safely as it could."""
    return Check(name, "warn", text, advice)


def fail(name: str, text: str, advice: str) -> Check:
    """Something doesn't work until it is mended."""
    return Check(name, "fail", text, advice)


class Place(Struct, frozen=True):
    """What is examined: a folder of work, an environment, and the ports on which local servers may listen."""

    cwd: Path
    env: Mapping[str, str]
    candidates: tuple[Candidate, ...] = CANDIDATES

    @property
    def agent_dir(self) -> Path:
        return find_agent_dir(self.env)


def number(count: int, one: str, several: str = "") -> str:
    """A count with its noun, for people."""
    return f"{count or 'no'} {one if count == 1 else several or one + 's'}"
