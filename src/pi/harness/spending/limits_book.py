"""The last that each provider said of its limits, in a file that all sessions of a user share."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from pi.llm.quota import Window, read_limits, says_limits
from pi.platform.clock import now_ms
from pi.platform.errors import PiError

PAUSE_MS = 5_000  # between two writes of one session
FORGET_MS = 60 * 86_400_000  # a provider that hasn't been heard of for so long is left out

_FORMAT = 1


class Heard(Struct, frozen=True, rename="camel"):
    """The windows of a provider, and when it was heard of last (ms since 1970)."""

    seen_at_ms: int
    windows: tuple[Window, ...]

    def at(self, now: int) -> "Heard":
        """Without the windows that have begun anew since: nobody knows what is used of them."""
        return Heard(self.seen_at_ms, tuple(it for it in self.windows if (it.resets_at_ms or now) >= now))


class _File(Struct, frozen=True):
    format: int
    providers: dict[str, Heard]


class LimitsBook:
    """`limits.json`. What a session hears goes there after some seconds and at its end, never in between."""

    def __init__(self, agent_dir: Path, *, now: Callable[[], int] = now_ms):
        self._path = agent_dir / "limits.json"
        self._now = now
        self._heard: dict[str, Heard] = {}  # and not written yet, or written by us
        self._read: dict[str, Heard] = {}
        self._state: tuple[int, int] | None = None  # of the file that was read
        self._waiting = False
        self._wrote_ms = now()

    def seen(self, provider: str, headers: Mapping[str, str]) -> None:
        """Take in an answer's headers (names in lower case); nothing happens when they tell of no limit."""
        if says_limits(headers):
            self.take(provider, read_limits(provider, headers, self._now()))

    def take(self, provider: str, windows: Sequence[Window]) -> None:
        """Take in what a provider has told; windows that it didn't speak of stay as they were."""
        if not windows:
            return
        now = self._now()
        self._heard[provider] = _merged(self._heard.get(provider), Heard(now, tuple(windows)))
        self._waiting = True
        if now - self._wrote_ms >= PAUSE_MS:
            self.close()

    def windows(self, provider: str) -> tuple[Window, ...]:
        """What is known of a provider's limits now, from this session and all others."""
        heard = self.heard().get(provider)
        return heard.windows if heard else ()

    def resets_at(self, provider: str) -> int | None:
        """When the limit that is used up begins anew (ms since 1970); None when none is, or nobody knows."""
        spent = (it.resets_at_ms for it in self.windows(provider) if it.exhausted)
        return max((at for at in spent if at is not None), default=None)

    def heard(self) -> dict[str, Heard]:
        """All that is known now, by provider."""
        now = self._now()
        self._refresh()
        fresh = {provider: it.at(now) for provider, it in self._known().items()}
        return {provider: it for provider, it in fresh.items() if it.windows}

    def close(self) -> None:
        """Write what waits. A file that can't be written costs a look at limits, nothing else: no error."""
        if not self._waiting:
            return
        from pi.platform.locks import update_file

        self._waiting, self._wrote_ms = False, self._now()
        try:
            update_file(self._path, self._written, mode=0o600)
        except PiError:
            self._waiting = True  # the next one tries again

    def _written(self, old: bytes | None) -> bytes:
        self._read = _decoded(old or b"")
        return msgspec.json.encode(_File(_FORMAT, dict(sorted(self._known().items()))))

    def _known(self) -> dict[str, Heard]:
        both = dict(self._read)
        for provider, heard in self._heard.items():
            both[provider] = _merged(both.get(provider), heard)
        now = self._now()
        return {provider: it for provider, it in both.items() if now - it.seen_at_ms < FORGET_MS}

    def _refresh(self) -> None:
        try:
            status = self._path.stat()
            state = (status.st_mtime_ns, status.st_size)
            if state != self._state:
                self._read, self._state = _decoded(self._path.read_bytes()), state
        except OSError:  # nobody has written it yet
            self._read, self._state = {}, None


def _decoded(data: bytes) -> dict[str, Heard]:
    """What a file holds; one that is damaged or of another format holds nothing."""
    try:
        file = msgspec.json.decode(data, type=_File)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}
    return file.providers if file.format == _FORMAT else {}


def _merged(one: Heard | None, other: Heard) -> Heard:
    """Both in one: of each window what was heard later."""
    if one is None:
        return other
    older, newer = sorted((one, other), key=lambda it: it.seen_at_ms)
    windows = {it.name: it for it in (*older.windows, *newer.windows)}
    return Heard(newer.seen_at_ms, tuple(windows.values()))
