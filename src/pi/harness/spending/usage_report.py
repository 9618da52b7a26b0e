"""What was spent and what is left: the ledger by model, day and more, and the limits of each provider."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal, get_args

from msgspec import Struct, structs

from pi.harness.spending.ledger import Ledger
from pi.harness.spending.limits_book import Heard, LimitsBook
from pi.harness.spending.spend_scan import Maker, Scan, Spend
from pi.llm.quota import Window
from pi.platform.clock import now_ms

By = Literal["model", "provider", "role", "session", "day", "project"]
WAYS: tuple[By, ...] = get_args(By)

FIVE_HOURS_MS = 5 * 3_600_000
WEEK_MS = 7 * 86_400_000


class Row(Struct, frozen=True, rename="camel"):
    """A line of the ledger: tokens, USD, and the share of all USD (of all tokens where nothing costs).

    `key` is what is grouped by (a session's id, a folder, a date …), `name` what people know it as.
    """

    key: str
    name: str
    requests: int = 0
    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    cost: float = 0.0
    share: float = 0.0

    @property
    def tokens(self) -> int:
        """All of them."""
        return self.input + self.output + self.cache_read + self.cache_write


class ProviderLimits(Struct, frozen=True, rename="camel"):
    """What a provider last said of its limits (None: nothing), and what went to it lately in USD."""

    provider: str
    windows: tuple[Window, ...]
    seen_at_ms: int | None
    spent_5_hours: float
    spent_7_days: float


class UsageReport(Struct, frozen=True, rename="camel"):
    """Spends from `since_ms` until before `until_ms` (since 1970; None: open), in groups by name of `By`."""

    made_at_ms: int
    since_ms: int | None
    until_ms: int | None
    total: Row
    groups: dict[By, tuple[Row, ...]]
    limits: tuple[ProviderLimits, ...]


def usage_report(
    agent_dir: Path,
    *,
    by: Sequence[By] = ("model",),
    since_ms: int | None = None,
    until_ms: int | None = None,
    folders: Sequence[Path] = (),
    now: int | None = None,
) -> UsageReport:
    """The report of all sessions of an agent directory, and of `folders` of sessions elsewhere."""
    now = now_ms() if now is None else now
    ledger = Ledger(agent_dir, folders)
    first = min(since_ms or 0, now - WEEK_MS)
    ledger.update(first)
    ledger.save()
    found = [(scan, spend) for scan, spend in ledger.spends(first) if spend.at_ms >= (since_ms or 0)]
    if until_ms is not None:
        found = [(scan, spend) for scan, spend in found if spend.at_ms < until_ms]
    total = _total(found)
    groups: dict[By, tuple[Row, ...]] = {way: _grouped(way, found, total) for way in by}
    limits = _limits(LimitsBook(agent_dir).heard(), ledger, now)
    return UsageReport(now, since_ms, until_ms, total, groups, limits)


_Found = tuple[Scan, Spend]


class _Sum:
    """What adds up to a row."""

    def __init__(self, name: str):
        self.name = name
        self.requests = self.input = self.output = self.cache_read = self.cache_write = 0
        self.cost = 0.0

    def add(self, spend: Spend) -> None:
        self.requests += 1
        self.input += spend.input
        self.output += spend.output
        self.cache_read += spend.cache_read
        self.cache_write += spend.cache_write
        self.cost += spend.cost

    def row(self, key: str) -> Row:
        tokens = (self.input, self.output, self.cache_read, self.cache_write)
        return Row(key, self.name, self.requests, *tokens, cost=round(self.cost, 9))


def _total(found: Iterable[_Found]) -> Row:
    total = _Sum("Total")
    for _, spend in found:
        total.add(spend)
    row = total.row("")
    return structs.replace(row, share=1.0 if row.requests else 0.0)


def _grouped(way: By, found: Iterable[_Found], total: Row) -> tuple[Row, ...]:
    """The rows, the dearest first; days in their order."""
    key_of, sums = _KEYS[way], dict[str, _Sum]()
    for scan, spend in found:
        key, name = key_of(scan, spend, scan.makers[spend.maker])
        if key not in sums:
            sums[key] = _Sum(name)
        sums[key].add(spend)
    whole = total.cost or total.tokens or 1
    rows: list[Row] = []
    for key, each in sums.items():
        row = each.row(key)
        part = row.cost if total.cost else row.tokens
        rows.append(structs.replace(row, share=round(part / whole, 6)))
    if way == "day":
        return tuple(sorted(rows, key=lambda row: row.key))
    return tuple(sorted(rows, key=lambda row: (-row.cost, -row.tokens, row.key)))


def _by_model(scan: Scan, spend: Spend, maker: Maker) -> tuple[str, str]:
    ref = f"{maker.provider}/{maker.model}" if maker.provider else maker.model or "(unknown)"
    return ref, ref


def _by_provider(scan: Scan, spend: Spend, maker: Maker) -> tuple[str, str]:
    return maker.provider, maker.provider or "(unknown)"


def _by_role(scan: Scan, spend: Spend, maker: Maker) -> tuple[str, str]:
    return maker.role, maker.role or "(none)"


def _by_session(scan: Scan, spend: Spend, maker: Maker) -> tuple[str, str]:
    return scan.session, scan.title or scan.session


def _by_project(scan: Scan, spend: Spend, maker: Maker) -> tuple[str, str]:
    return scan.cwd, scan.cwd or "(unknown)"


def _by_day(scan: Scan, spend: Spend, maker: Maker) -> tuple[str, str]:
    day = datetime.fromtimestamp(spend.at_ms / 1000).date().isoformat()
    return day, day


_KEYS: dict[By, Callable[[Scan, Spend, Maker], tuple[str, str]]] = {
    "model": _by_model,
    "provider": _by_provider,
    "role": _by_role,
    "session": _by_session,
    "day": _by_day,
    "project": _by_project,
}


def _limits(heard: dict[str, Heard], ledger: Ledger, now: int) -> tuple[ProviderLimits, ...]:
    week = {provider: 0.0 for provider in heard}
    short = dict(week)
    for scan, spend in ledger.spends(now - WEEK_MS):
        provider = scan.makers[spend.maker].provider
        if provider:
            week[provider] = week.get(provider, 0.0) + spend.cost
            recent = spend.cost if spend.at_ms >= now - FIVE_HOURS_MS else 0.0
            short[provider] = short.get(provider, 0.0) + recent
    return tuple(
        ProviderLimits(
            provider,
            known.windows if (known := heard.get(provider)) else (),
            known.seen_at_ms if known else None,
            round(short[provider], 9),
            round(week[provider], 9),
        )
        for provider in sorted(week)
    )
