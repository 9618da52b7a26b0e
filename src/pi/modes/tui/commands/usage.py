"""`/usage`: what this session and this day have cost, and what is left of the providers' limits."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from pi.harness.spending.words import left, span, usd
from pi.modes.tui.commands.command import Command
from pi.modes.tui.lines import clean
from pi.modes.tui.stage import Stage

if TYPE_CHECKING:
    from pi.harness.spending.usage_report import ProviderLimits, UsageReport
    from pi.harness.stats import Stats
    from pi.llm.quota import Window

_BAR = 12  # cells of a gauge


async def run(stage: Stage, args: str) -> None:
    """Show it at the end of the transcript."""
    from pi.harness.spending.usage_report import usage_report
    from pi.harness.stats import stats_of
    from pi.modes.tui.blocks.notice import MarkdownBlock

    session = stage.session
    path = session.store.path
    midnight = datetime.now().replace(hour=0, minute=0, second=0, microsecond=0)
    report = partial(
        usage_report,
        session.setup.agent_dir,
        by=("model",),
        since_ms=int(midnight.timestamp() * 1000),
        folders=[path.parent] if path is not None else [],
    )
    stage.working("Counting…")
    try:
        found = await asyncio.to_thread(report)
    finally:
        stage.working(None)
    stage.show(MarkdownBlock(as_markdown(found, stats_of(session)), "Usage"))


def as_markdown(report: "UsageReport", stats: "Stats") -> str:
    """The report as one text."""
    total = report.total
    parts = [
        "\n".join(
            _table(
                ("", "cost", "requests", "tokens"),
                [
                    ("This session", usd(stats.cost), str(stats.assistant_messages), _tokens_of(stats)),
                    ("Today", usd(total.cost), f"{total.requests:,}", f"{total.tokens:,}"),
                    *(
                        (f"— {row.name}", usd(row.cost), f"{row.requests:,}", f"{row.tokens:,}")
                        for row in report.groups.get("model", ())
                    ),
                ],
            )
        )
    ]
    limits = [row for each in report.limits for row in _limits(each, report.made_at_ms)]
    if limits:
        parts.append("\n".join(_table(("limits", "", "used", "left", "resets in"), limits, numbers=False)))
    parts.append("`pi usage` shows more: other days, by project or role, as a page with plots.")
    return "\n\n".join(parts)


def _tokens_of(stats: "Stats") -> str:
    usage = stats.usage
    return f"{usage.input + usage.output + usage.cache_read + usage.cache_write:,}"


def _limits(limits: "ProviderLimits", now: int) -> Iterator[tuple[str, ...]]:
    name = limits.provider
    for window in limits.windows:
        resets = "" if window.resets_at_ms is None else span(window.resets_at_ms - now)
        yield name, window.name, _used(window), left(window), resets
        name = ""


def _used(window: "Window") -> str:
    if window.used is None:
        return ""
    full = round(min(max(window.used, 0.0), 1.0) * _BAR)
    return f"{'█' * full}{'░' * (_BAR - full)} {100 * window.used:.0f} %"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: bool = True) -> Iterator[str]:
    """A table in Markdown, its numbers to the right."""
    yield _line(head)
    yield _line(["---", *["---:" if numbers else "---"] * (len(head) - 1)])
    for row in rows:
        yield _line([_cell(each) for each in row])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    """Foreign text that stays in its cell."""
    return "".join(f"\\{char}" if char in "\\`*_[]<>|~" else char for char in clean(text))


COMMAND = Command("usage", "Show what was spent, and the limits that are left", run)
