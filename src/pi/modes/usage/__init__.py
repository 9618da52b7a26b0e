"""`pi usage`: what was spent and what is left of each provider's limits, as a table, JSON or a page."""

from typing import Any

import msgspec

from pi.harness.spending.usage_report import UsageReport

HELP = """Usage: pi usage [--by WAY] [--since DATE] [--until DATE] [--days N] [--json] [--html FILE]
                [--refresh]

What all sessions have spent, each request counted once, and what providers last said of their limits.
Prices are those of each model's API, also where a subscription pays.

  --by WAY           model (default), provider, role, session, day or project
  --since DATE       from this day on (2026-11-01, or a time: 2026-11-01T14:00), by local time
  --until DATE       up to this day, and all of it
  --days N           the last N days, today among them
  --json             the same as JSON
  --html FILE        a page with plots, for a browser; nothing is loaded from elsewhere
  --refresh          ask the providers that can be asked for their limits now
  --session-dir D    also the sessions that lie there"""


def as_json(report: UsageReport) -> str:
    """The report as one JSON object; times in ms since 1970, USD, tokens, shares from 0 to 1."""
    value: dict[str, Any] = msgspec.to_builtins(report)
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
