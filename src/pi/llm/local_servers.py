"""Model servers that run on this machine: who answers on the usual ports, and with which models."""

import asyncio

import msgspec
from msgspec import Struct

from pi.llm.errors import ProviderError
from pi.llm.http import request
from pi.platform.errors import ConfigError

_TIMEOUT_MS = 300
_SHOWN_MODELS = 5  # of each server


class Candidate(Struct, frozen=True):
    """A kind of server and where it listens unless told otherwise."""

    name: str
    provider: str  # Pi's own provider for it
    port: int
    models_path: str = "/v1/models"


class LocalServer(Struct, frozen=True):
    """A server that answered: `base_url` speaks Chat Completions, `models` are the ids that it offers."""

    name: str
    provider: str
    base_url: str
    models: tuple[str, ...]

    @property
    def summary(self) -> str:
        """Its address and its first models, for people."""
        left = len(self.models) - _SHOWN_MODELS
        models = ", ".join(self.models[:_SHOWN_MODELS]) or "no models"
        return f"{self.base_url}: {models}{f' and {left} more' if left > 0 else ''}"


CANDIDATES = (
    Candidate("Ollama", "ollama", 11434, "/api/tags"),
    Candidate("llama.cpp", "llama.cpp", 9931),
    Candidate("llama.cpp", "llama.cpp", 8080),
    Candidate("LM Studio", "lmstudio", 1234),
    Candidate("vLLM", "vllm", 8000),
)


class _Entry(Struct):
    id: str = ""
    name: str = ""  # Ollama's word for the id


class _Listing(Struct):
    data: list[_Entry] | None = None
    models: list[_Entry] | None = None  # Ollama's word for data


def none_answers(candidates: tuple[Candidate, ...] = CANDIDATES) -> str:
    """What to tell people when `find_local_servers` found none."""
    return f"none answers ({', '.join(f'{each.name} {each.port}' for each in candidates)})"


async def find_local_servers(candidates: tuple[Candidate, ...] = CANDIDATES) -> list[LocalServer]:
    """The servers that answer on 127.0.0.1 within 0.3 s, in the candidates' order."""
    found = await asyncio.gather(*(_probe(candidate) for candidate in candidates))
    return [server for server in found if server]


async def _probe(candidate: Candidate) -> LocalServer | None:
    root = f"http://127.0.0.1:{candidate.port}"
    try:
        async with asyncio.timeout(_TIMEOUT_MS / 1000):
            body = await _get(root + candidate.models_path)
        listing = msgspec.json.decode(body, type=_Listing)
    except (ProviderError, ConfigError, TimeoutError, msgspec.DecodeError):
        return None  # nobody there, or somebody else
    entries = listing.data if listing.data is not None else listing.models
    if entries is None:
        return None
    ids = (entry.id or entry.name for entry in entries)
    return LocalServer(candidate.name, candidate.provider, f"{root}/v1", tuple(id for id in ids if id))


async def _get(url: str) -> bytes:
    """The body of a good answer, empty otherwise."""
    async with request(
        "GET", url, headers={}, idle_timeout_ms=_TIMEOUT_MS, connect_timeout_ms=_TIMEOUT_MS
    ) as response:
        return await response.read() if response.status == 200 else b""
