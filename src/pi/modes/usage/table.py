"""The usage report as aligned text."""

from collections.abc import Iterator, Sequence

from pi.harness.spending.usage_report import ProviderLimits, Row, UsageReport
from pi.harness.spending.words import moment, percent, period, resets, standing, usd

NAME_WIDTH = 60  # characters; longer names are cut in the middle

_HEAD = ("requests", "input", "output", "cache read", "cache write", "cost", "share")


def as_table(report: UsageReport) -> str:
    """One table a group, then the limits."""
    parts = [_group(name, rows, report) for name, rows in report.groups.items()]
    if report.limits:
        parts.append("\n".join(("Limits", *_limits(report.limits, report.made_at_ms))))
    return "\n\n".join(parts)


def _group(name: str, rows: Sequence[Row], report: UsageReport) -> str:
    title = f"{period(report.since_ms, report.until_ms)}, by {name}"
    if not rows:
        return f"{title}: nothing was spent."
    lines = _aligned([(name, *_HEAD), *map(_cells, rows), _cells(report.total)])
    rule = "-" * max(map(len, lines))
    return "\n".join((title, "", lines[0], *lines[1:-1], rule, lines[-1]))


def _cells(row: Row) -> tuple[str, ...]:
    counts = (row.requests, row.input, row.output, row.cache_read, row.cache_write)
    return (_short(row.name), *(f"{count:,}" for count in counts), usd(row.cost), percent(row.share))


def _limits(limits: Sequence[ProviderLimits], now: int) -> Iterator[str]:
    rows: list[tuple[str, ...]] = []
    for each in limits:
        name = each.provider
        for window in each.windows:
            rows.append((name, window.name, standing(window), resets(window, now)))
            name = ""
        spent = f"{usd(each.spent_5_hours)} in 5 h, {usd(each.spent_7_days)} in 7 days"
        told = "" if each.seen_at_ms is None else f"told {moment(each.seen_at_ms, now)}"
        rows.append((name, "spent here", spent, told))
    return (f"  {line}" for line in _aligned(rows, numbers=False))


def _aligned(rows: Sequence[tuple[str, ...]], *, numbers: bool = True) -> list[str]:
    """The first column to the left; numbers to the right."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines: list[str] = []
    for first, *rest in rows:
        cells = [first.ljust(widths[0])]
        cells += [
            cell.rjust(width) if numbers else cell.ljust(width)
            for cell, width in zip(rest, widths[1:], strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
    return lines


def _short(name: str) -> str:
    if len(name) <= NAME_WIDTH:
        return name
    half = (NAME_WIDTH - 1) // 2
    return f"{name[:half]}…{name[-half:]}"
