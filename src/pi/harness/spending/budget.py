"""Budgets in USD: before each request it is asked whether a run, the day or the month may spend more."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, cast

from msgspec import Struct

from pi.harness.settings import Settings
from pi.harness.spending.ledger import Ledger
from pi.harness.spending.spent import spent as spent_by
from pi.harness.storage.entries import Entry, iso_ms
from pi.harness.storage.store import Store
from pi.platform.clock import now_ms
from pi.platform.errors import PiError

Span = Literal["run", "day", "month"]
SPANS: tuple[Span, ...] = ("run", "day", "month")

WARN_SHARE = 0.8  # of what stops, where the settings don't say


class BudgetError(PiError):
    """A budget is spent: no request may be made."""


class Allowance(Struct, frozen=True):
    """USD at which people are warned, and at which no more is spent; None: never."""

    warn: float | None
    stop: float | None


class Verdict(Struct, frozen=True):
    """Whether to go on: not when `stop` says why; `warn` is news for people, once."""

    warn: str | None = None
    stop: str | None = None


class Budget:
    """The budgets of one session and its children, which share it: whoever asks a model asks here first.

    A run is one prompt until it settled, with its children; day and month are the user's, whichever session
    spent it, by the local calendar. What a session in memory spends counts while it lives.
    """

    def __init__(
        self,
        allowances: Mapping[Span, Allowance],
        store: Store,
        ledger: Ledger,
        *,
        now: Callable[[], int] = now_ms,
    ):
        self._allowances = allowances
        self._store = store
        self._ledger = ledger
        self._now = now
        self._mark = store.leaf
        self._told: set[tuple[Span, object]] = set()
        self._reading = asyncio.Lock()
        self._read = False

    def begin(self, store: Store) -> None:
        """A prompt of the session of this store begins; those of its children change nothing."""
        if store is self._store:
            self._mark = store.leaf
            self._told = {told for told in self._told if told[0] != "run"}

    async def check(self) -> Verdict:
        """Whether another request may be made. Each warning is given once, to whoever asks first."""
        now = datetime.fromtimestamp(self._now() / 1000)
        warnings: list[str] = []
        if "day" in self._allowances or "month" in self._allowances:
            await self._look(now)
        for span, allowance in self._allowances.items():
            start = _start(span, now.date())
            spent = self._of_run() if start is None else self._since(start)
            if allowance.stop is not None and spent >= allowance.stop:
                return Verdict(stop=_stop(span, spent, allowance.stop, now.date()))
            if allowance.warn is not None and spent >= allowance.warn and (span, start) not in self._told:
                self._told.add((span, start))
                warnings.append(_warning(span, spent, allowance))
        return Verdict(warn=" ".join(warnings) or None)

    async def require(self, tell: Callable[[str], Any]) -> None:
        """Raises BudgetError when no request may be made; `tell` gets a warning, if there is one."""
        verdict = await self.check()
        if verdict.stop is not None:
            raise BudgetError(verdict.stop)
        if verdict.warn is not None:
            tell(verdict.warn)

    async def _look(self, now: datetime) -> None:
        """Read what all sessions have spent meanwhile; the first time it may take a moment."""
        since = _start("month" if "month" in self._allowances else "day", now.date())
        async with self._reading:  # children ask at the same time
            await asyncio.to_thread(self._ledger.update, since or 0)
            if not self._read:
                self._read = True
                await asyncio.to_thread(self._ledger.save)

    def _since(self, start: int) -> float:
        spent = self._ledger.cost(start)
        if self._store.path is None:  # no file tells the ledger of it
            own = (entry for entry in self._store.entries() if iso_ms(entry.timestamp) >= start)
            spent += sum(map(_cost, own))
        return spent

    def _of_run(self) -> float:
        spent = 0.0
        for entry in self._store.newest_first():
            if entry.id == self._mark:
                break
            spent += _cost(entry)
        return spent


def budget_for(settings: Settings, agent_dir: Path, store: Store, warnings: list[str]) -> Budget | None:
    """What the setting `budgets` asks for; None when it asks for nothing.

    A part that makes no sense is a warning, and doesn't count.
    """
    wanted = settings.get("budgets")
    if wanted is None:
        return None
    if not isinstance(wanted, dict):
        warnings.append('The setting "budgets" must be an object like {"day": 10}. It is ignored.')
        return None
    allowances: dict[Span, Allowance] = {}
    for name, value in cast(dict[str, Any], wanted).items():
        allowance = _allowance(value)
        if name not in SPANS or allowance is None:
            warnings.append(
                f'The setting "budgets.{name}" is ignored: there are run, day and month, each a number of '
                'USD or {"warn": 5, "stop": 10}.'
            )
        else:
            allowances[name] = allowance
    if not allowances:
        return None
    folders = [store.path.parent] if store.path is not None else []
    return Budget(allowances, store, Ledger(agent_dir, folders))


def _allowance(value: Any) -> Allowance | None:
    if isinstance(value, dict):
        said = cast(dict[str, Any], value)
        parts = [said.get(key) for key in ("warn", "stop")]
        if said.keys() - {"warn", "stop"} or not any(map(_usd, parts)):
            return None
        if any(part is not None and not _usd(part) for part in parts):
            return None
        warn, stop = parts
    elif _usd(value):
        warn, stop = None, value
    else:
        return None
    return Allowance(stop * WARN_SHARE if warn is None and stop is not None else warn, stop)


def _usd(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _cost(entry: Entry) -> float:
    found = spent_by(entry)
    return 0.0 if found is None else found[1].cost.total


def _start(span: Span, today: date) -> int | None:
    """When a span began in local time, in ms since 1970; None for a run."""
    match span:
        case "run":
            return None
        case "day":
            return _midnight(today)
        case "month":
            return _midnight(today.replace(day=1))


def _midnight(day: date) -> int:
    return round(datetime(day.year, day.month, day.day).timestamp() * 1000)


_SPENT = {
    "run": "This prompt has spent",
    "day": "Today's sessions have spent",
    "month": "This month's have spent",
}


def _warning(span: Span, spent: float, allowance: Allowance) -> str:
    rest = "" if allowance.stop is None else f" of the budget of ${allowance.stop:,.2f}"
    return f"{_SPENT[span]} ${spent:,.2f}{rest}."


def _stop(span: Span, spent: float, stop: float, today: date) -> str:
    # "out of budget" is among the words by which a failure is known as one that doesn't pass by itself
    return (
        f"{_SPENT[span]} ${spent:,.2f}, the budget is ${stop:,.2f}: out of budget. Raise budgets.{span} in "
        f"settings.json, or {_way_on(span, today)}."
    )


def _way_on(span: Span, today: date) -> str:
    if span == "run":
        return "go on with another prompt"
    if span == "day":
        return f"wait until 00:00 on {today + timedelta(days=1):%d %B}"
    return f"wait until {(today.replace(day=1) + timedelta(days=32)).replace(day=1):%d %B}"
