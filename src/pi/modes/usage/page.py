"""The usage report as one page for a browser: tables, bars and gauges, drawn here; nothing is loaded."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from html import escape

from pi.harness.spending.usage_report import ProviderLimits, Row, UsageReport
from pi.harness.spending.words import moment, percent, period, resets, standing, usd

_DAYS = 366  # bars of days at most, the latest
_ROWS = 50  # of each table at most
_WIDTH, _HEIGHT = 960, 180  # of the plot of days

_STYLE = """
:root{color-scheme:light dark;--ink:#1d2330;--dim:#667085;--line:#d9dee7;--paper:#fff;--bar:#3b6fd4;
--warn:#c77700;--full:#c0362c}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ef;--dim:#98a2b3;--line:#333b48;--paper:#14171c;
--bar:#6d9bf1;--warn:#e0a030;--full:#f0766c}}
body{margin:2rem auto;max-width:62rem;padding:0 1rem;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,sans-serif}
h1{font-size:1.4rem;margin:0}h2{font-size:1.05rem;margin:2.2rem 0 .5rem}p,.dim{color:var(--dim);margin:0}
.sum{display:flex;flex-wrap:wrap;gap:2rem;margin:1.2rem 0}.sum b{display:block;font-size:1.5rem}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%}
th,td{padding:.25rem .6rem;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap;
font-variant-numeric:tabular-nums}
th:first-child,td:first-child{text-align:left;white-space:normal;overflow-wrap:anywhere}
th{color:var(--dim);font-weight:500}tfoot td{font-weight:600;border:0}.left td{text-align:left}
svg{display:block;max-width:100%}rect{fill:var(--bar)}.rest{fill:var(--line)}.warn{fill:var(--warn)}
.full{fill:var(--full)}line{stroke:var(--line)}text{fill:var(--dim);font-size:11px}
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_HEAD = ("requests", "input", "output", "cache read", "cache write", "cost", "share", "")


def as_page(report: UsageReport) -> str:
    """A whole HTML document; whatever comes from sessions or providers is escaped."""
    body = "".join(
        (
            f"<h1>Usage</h1><p>{escape(period(report.since_ms, report.until_ms))}, "
            f"written {escape(moment(report.made_at_ms, report.made_at_ms))}</p>",
            _summary(report.total),
            _limits(report.limits, report.made_at_ms),
            *(_group(name, rows, report.total) for name, rows in report.groups.items()),
        )
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>Pi usage</title><style>{_STYLE}</style></head><body>{body}</body></html>\n"
    )


def _summary(total: Row) -> str:
    facts = (
        (usd(total.cost), "spent"),
        (f"{total.requests:,}", "requests"),
        (f"{total.tokens:,}", "tokens"),
        (f"{total.cache_read:,}", "of them from caches"),
    )
    return f'<div class="sum">{"".join(f"<div><b>{number}</b>{what}</div>" for number, what in facts)}</div>'


def _limits(limits: Sequence[ProviderLimits], now: int) -> str:
    rows: list[str] = []
    for each in limits:
        name = escape(each.provider)
        for window in each.windows:
            gauge = "" if window.used is None else _gauge(window.used)
            texts = (name, window.name, gauge, standing(window), resets(window, now))
            rows.append(_cells((texts[0], escape(texts[1]), texts[2], *map(escape, texts[3:]))))
            name = ""
        spent = f"{usd(each.spent_5_hours)} in 5 h, {usd(each.spent_7_days)} in 7 days"
        told = "" if each.seen_at_ms is None else f"told {moment(each.seen_at_ms, now)}"
        rows.append(_cells((name, "spent here", "", escape(spent), escape(told))))
    if not rows:
        return ""
    return f'<h2>Limits</h2><div class="wide left"><table>{"".join(rows)}</table></div>'


def _group(name: str, rows: Sequence[Row], total: Row) -> str:
    if not rows:
        return f"<h2>By {escape(name)}</h2><p>Nothing was spent.</p>"
    plot = _days(rows) if name == "day" else ""
    shown = list(reversed(rows)) if name == "day" else rows
    head = "".join(f"<th>{escape(each)}</th>" for each in (name, *_HEAD))
    lines = "".join(_cells((*_numbers(row), _bar(row.share))) for row in shown[:_ROWS])
    more = len(rows) - _ROWS
    note = f'<p class="dim">and {more:,} more</p>' if more > 0 else ""
    foot = _cells((*_numbers(total), ""))
    return (
        f'<h2>By {escape(name)}</h2>{plot}<div class="wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{lines}</tbody><tfoot>{foot}</tfoot></table></div>{note}"
    )


def _numbers(row: Row) -> Iterator[str]:
    yield escape(row.name)
    for count in (row.requests, row.input, row.output, row.cache_read, row.cache_write):
        yield f"{count:,}"
    yield usd(row.cost)
    yield percent(row.share)


def _cells(texts: Iterable[str]) -> str:
    return f"<tr>{''.join(f'<td>{text}</td>' for text in texts)}</tr>"


def _bar(share: float) -> str:
    return (
        f'<svg width="80" height="10" aria-hidden="true"><rect width="{80 * share:.1f}" height="10"/></svg>'
    )


def _gauge(used: float) -> str:
    kind = "full" if used >= 1 else "warn" if used >= 0.8 else "used"
    width = 120 * min(max(used, 0.0), 1.0)
    return (
        '<svg width="120" height="10" aria-hidden="true"><rect class="rest" width="120" height="10"/>'
        f'<rect class="{kind}" width="{width:.1f}" height="10"/></svg>'
    )


def _days(rows: Sequence[Row]) -> str:
    """A bar a day, also for those on which nothing was spent."""
    days = list(_with_gaps(rows))[-_DAYS:]
    most = max(row.cost for row in days) or 1.0
    step = _WIDTH / len(days)
    bars = "".join(
        f'<rect x="{at * step:.1f}" y="{_HEIGHT - row.cost / most * (_HEIGHT - 16):.1f}" '
        f'width="{max(min(step - 1, 40), 0.5):.1f}" height="{row.cost / most * (_HEIGHT - 16):.1f}">'
        f"<title>{escape(row.key)}: {usd(row.cost)}</title></rect>"
        for at, row in enumerate(days)
    )
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT + 18}" role="img" aria-label="USD a day">'
        f'<line x1="0" x2="{_WIDTH}" y1="{_HEIGHT}" y2="{_HEIGHT}"/>{bars}'
        f'<text x="0" y="11">{usd(most)}</text><text x="0" y="{_HEIGHT + 14}">{escape(days[0].key)}</text>'
        f'<text x="{_WIDTH}" y="{_HEIGHT + 14}" text-anchor="end">{escape(days[-1].key)}</text></svg>'
    )


def _with_gaps(rows: Sequence[Row]) -> Iterator[Row]:
    known = {row.key: row for row in rows}
    day, last = date.fromisoformat(rows[0].key), date.fromisoformat(rows[-1].key)
    day = max(day, last - timedelta(days=_DAYS - 1))
    while day <= last:
        key = day.isoformat()
        yield known.get(key) or Row(key, key)
        day += timedelta(days=1)
