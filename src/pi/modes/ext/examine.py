"""Examines extensions in processes of their own, so that nothing they do can break the report."""

import asyncio
import os
import site
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from msgspec.structs import replace

from pi.harness.discovery import project_side, user_side
from pi.harness.extensions.finding import Source, find_extensions
from pi.harness.extensions.load_requests import UNTRUSTED, VARIABLE
from pi.harness.settings import load_settings
from pi.harness.trust import is_trusted
from pi.modes.ext.report import Finding, Report, Reports
from pi.platform.errors import PiError
from pi.platform.process import run
from pi.platform.terminal import plain

LIMIT_S = 60.0  # for one extension
_SHOWN = 300  # characters of what an extension printed
_KEPT = 64 * 1024  # bytes of it


def find_one(named: str, cwd: Path, agent_dir: Path) -> tuple[Path, list[Source]]:
    """What a file, a folder or the name of an installed extension stands for. Raises PiError."""
    path = Path(named).expanduser()
    path = path if path.is_absolute() else cwd / path
    if path.exists():
        warnings: list[str] = []
        if found := find_extensions([], [str(path)], cwd, warnings):
            return path, found
        raise PiError("\n".join(warnings) or f"{path} holds no extension.")
    user = load_settings(agent_dir, None)
    sides = [user_side(agent_dir, user)]
    if _trusted(cwd, agent_dir):
        sides.insert(0, project_side(cwd, user.with_project(cwd).of_project()))
    known = find_extensions(sides, [], cwd, [])
    if found := [source for source in known if source.name == named]:
        return found[0].root or found[0].path, found
    names = ", ".join(source.name for source in known) or "none"
    raise PiError(
        f"There is no file, folder or extension {named}. Extensions here: {names}. "
        f"To begin a new one: pi ext new {path.stem}"
    )


async def check(path: Path, sources: Sequence[Source], *, limit_s: float = LIMIT_S) -> Reports:
    """Load and try each, beside a scripted model, in a temporary session that finds no user's file."""
    return Reports(tuple([await _check(path, source, limit_s) for source in sources]))


async def _check(path: Path, source: Source, limit_s: float) -> Report:
    with TemporaryDirectory(prefix="pi-ext-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "home").mkdir()
        env = {
            **{key: value for key, value in os.environ.items() if key not in (VARIABLE, UNTRUSTED)},
            "HOME": str(folder / "home"),
            "USERPROFILE": str(folder / "home"),
            "PYTHONUSERBASE": site.getuserbase(),  # what the user installed is still there
            "PI_CODING_AGENT_DIR": str(folder / "agent"),
            "PI_OFFLINE": "1",
        }
        words = ["check", str(path), source.name, name]
        reports, printed, ended = await _probe(folder, words, env, limit_s)
    report = reports.extensions[0] if reports else Report(source.name, str(source.path))
    if reports is None:
        why = f"it {ended} while it was loaded and tried.{_last_line(printed)}"
        return replace(report, findings=(Finding("error", why, str(source.path)),))
    if printed.strip():
        text = f"it prints, which breaks screens and JSON output; use ctx.ui.notify: {_short(printed)}"
        return replace(report, findings=(*report.findings, Finding("warning", text, str(source.path))))
    return report


async def list_all(cwd: Path, agent_dir: Path, *, limit_s: float = LIMIT_S) -> Reports:
    """What a session in this folder would load, and what would be wrong with it. Raises PiError."""
    notes: tuple[str, ...] = ()
    if not _trusted(cwd, agent_dir) and (own := cwd / ".pi" / "extensions").is_dir():
        notes = (f"{own} is left out: this project isn't trusted. To use it for a run: pi --approve",)
    with TemporaryDirectory(prefix="pi-ext-", ignore_cleanup_errors=True) as name:
        reports, printed, ended = await _probe(Path(name), ["list", str(cwd)], dict(os.environ), limit_s)
    if reports is None:
        raise PiError(
            f"An extension {ended} while all were loaded.{_last_line(printed)} Check each: pi ext check PATH"
        )
    return replace(reports, notes=notes)


def _trusted(cwd: Path, agent_dir: Path) -> bool:
    default = load_settings(agent_dir, None).text("defaultProjectTrust") or "ask"
    return is_trusted(cwd, agent_dir, decision=None, default=default)


async def _probe(
    folder: Path, words: Sequence[str], env: dict[str, str], limit_s: float
) -> tuple[Reports | None, str, str]:
    """What the process found out, what was printed in it, and how it ended."""
    result = folder / "result.json"
    argv = [sys.executable, "-P", "-m", "pi.modes.ext.probe", str(result), *words]
    output = bytearray()

    def take(piece: bytes) -> None:
        output.extend(piece)
        del output[:-_KEPT]  # the end says most, and a loop that prints would fill the memory

    end = await run(argv, on_output=take, env=env, timeout_ms=limit_s * 1000)
    printed = plain(output.decode("utf-8", "replace"))
    try:
        return msgspec.json.decode(result.read_bytes(), type=Reports), printed, ""
    except (OSError, msgspec.MsgspecError):
        took_long = f"took longer than {limit_s:.0f} s"
        return None, printed, took_long if end.timed_out else f"ended the process (exit code {end.code})"


def _last_line(printed: str) -> str:
    lines = printed.strip().splitlines()
    return f" Its last words: {lines[-1][:_SHOWN]}" if lines else ""


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def examine(path: Path, sources: Sequence[Source]) -> Reports:
    """`check`, for callers without an event loop."""
    return asyncio.run(check(path, sources))
