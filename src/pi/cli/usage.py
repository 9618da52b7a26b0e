"""The command line of `pi usage`."""

import asyncio
import os
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path

from msgspec import Struct

from pi.cli.sessions import sessions_folder
from pi.harness.spending.usage_report import WAYS, By, UsageReport, usage_report
from pi.harness.storage.files import agent_dir, expand
from pi.modes.usage import HELP, as_json
from pi.platform.errors import PiError
from pi.platform.terminal import plain, say, write_all

_VALUES = ("--by", "--since", "--until", "--days", "--html", "--session-dir")
_SWITCHES = ("--json", "--refresh")


class _Request(Struct, frozen=True):
    """What the words ask for."""

    by: By = "model"
    since_ms: int | None = None
    until_ms: int | None = None
    html: Path | None = None
    json: bool = False
    refresh: bool = False
    session_dir: str | None = None


def main(words: Sequence[str]) -> int:
    """Report; the result is the exit code."""
    if "--help" in words or "-h" in words:
        print(HELP)
        return 0
    try:
        request = _understood(words, datetime.now())
        if request.refresh:
            _refresh()
        _tell(request, _report(request))
    except PiError as error:
        say(f"Error: {error}")
        return 1
    except BrokenPipeError:  # the reader has seen enough
        pass
    return 0


def _understood(words: Sequence[str], now: datetime) -> _Request:
    given = _flags(words)
    if "--days" in given and "--since" in given:
        raise PiError("--days and --since say the same: leave one of them out.")
    by = given.get("--by", "model")
    if by not in WAYS:
        raise PiError(f"--by is one of {', '.join(WAYS)}, not {by}.")
    since = _time(given["--since"], "--since") if "--since" in given else None
    if days := given.get("--days"):
        if not days.isdecimal() or not 0 < int(days) < 100_000:
            raise PiError(f"--days is a number of days from 1 on, not {days}.")
        since = datetime.combine(now.date() - timedelta(days=int(days) - 1), time.min)
    until = _time(given["--until"], "--until", ends=True) if "--until" in given else None
    return _Request(
        by,
        None if since is None else round(since.timestamp() * 1000),
        None if until is None else round(until.timestamp() * 1000),
        expand(given["--html"], os.environ) if "--html" in given else None,
        "--json" in given,
        "--refresh" in given,
        given.get("--session-dir"),
    )


def _flags(words: Sequence[str]) -> dict[str, str]:
    given: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        flag, cut, value = word.partition("=")
        if flag in _SWITCHES and not cut:
            given[flag] = ""
        elif flag in _VALUES:
            found = value if cut else next(rest, None)
            if found is None:
                raise PiError(f"{flag} needs a value. See pi usage --help.")
            given[flag] = found
        else:
            raise PiError(f"pi usage doesn't know {word}. See pi usage --help.")
    return given


def _time(text: str, flag: str, *, ends: bool = False) -> datetime:
    """A day's beginning (or its end, which is the next day's), or the time that is written out."""
    try:
        if len(text) > 10:
            return datetime.fromisoformat(text)
        day = date.fromisoformat(text)
        return datetime.combine(day + timedelta(days=1) if ends else day, time.min)
    except (ValueError, OverflowError):
        raise PiError(
            f"{flag} is a day like 2026-11-01 or a time like 2026-11-01T14:00, not {text}."
        ) from None


def _refresh() -> None:
    from pi.harness.settings import load_settings
    from pi.harness.spending.limits_book import LimitsBook
    from pi.harness.spending.limits_refresh import refresh_limits
    from pi.llm.registry import ModelRegistry

    home = agent_dir(os.environ)
    proxy = load_settings(home, None).text("httpProxy")
    for problem in asyncio.run(refresh_limits(home, ModelRegistry(home), LimitsBook(home), proxy=proxy)):
        say(f"Warning: {problem}")


def _report(request: _Request) -> UsageReport:
    directory = sessions_folder(Path.cwd(), request.session_dir)
    folders = [directory.path] if directory.chosen else []
    by = WAYS if request.html is not None else (request.by,)
    span = {"since_ms": request.since_ms, "until_ms": request.until_ms}
    return usage_report(agent_dir(os.environ), by=by, folders=folders, **span)


def _tell(request: _Request, report: UsageReport) -> None:
    if request.html is not None:
        from pi.modes.usage.page import as_page
        from pi.platform.files import write_atomic

        try:
            write_atomic(request.html, as_page(report).encode("utf-8", "replace"))
        except OSError as error:
            raise PiError(f"Can't write {request.html}: {error.strerror}.") from error
        say(f"Written to {request.html}")
    if request.json:
        text = as_json(report)
    elif request.html is None:
        from pi.modes.usage.table import as_table

        text = plain(as_table(report))
    else:
        return
    write_all(1, f"{text}\n".encode("utf-8", "replace"))
