"""`pi doctor`: looks over the installation, files, keys and surroundings, and says what to do next."""

import asyncio
import json
import os
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

import msgspec
from msgspec.structs import replace

from pi.harness.settings import load_settings
from pi.harness.trust import is_trusted
from pi.llm.registry import ModelRegistry
from pi.modes.doctor.machine import network, programs, sessions, terminal
from pi.modes.doctor.project import project
from pi.modes.doctor.report import Check, Place, number
from pi.modes.doctor.setup import catalog, files, installation, keys, servers
from pi.platform.terminal import plain, say, write_all
from pi.version import __version__

HELP = """Usage: pi doctor [--json]

Checks this installation, Pi's files, keys, local model servers, terminal, programs and this folder, and says
what to do about what is wrong. Asks nobody but this machine, runs no `!command`, shows no key.
Exit code 1 when something fails.

  --json   the same as JSON"""


def main(words: Sequence[str]) -> int:
    """Examine and tell; the result is the exit code: 1 when something fails."""
    if unknown := [word for word in words if word not in ("--json", "--help", "-h")]:
        say(f"Error: pi doctor doesn't know {unknown[0]}.\n\n{HELP}")
        return 1
    if "--help" in words or "-h" in words:
        print(HELP)
        return 0
    try:
        cwd = Path.cwd()
    except OSError as error:
        say(f"Error: The working directory is gone: {error.strerror}. Go to another folder.")
        return 1
    checks = asyncio.run(examine(Place(cwd, os.environ)))
    text = as_json(checks) if "--json" in words else plain(as_text(checks))
    try:
        write_all(1, f"{text}\n".encode("utf-8", "replace"))
    except BrokenPipeError:  # the reader has seen enough
        pass
    return 1 if _counts(checks)[0] else 0


async def examine(place: Place) -> list[Check]:
    """All findings, in the order in which they are shown."""
    user = load_settings(place.agent_dir, None)
    trusted = is_trusted(
        place.cwd, place.agent_dir, decision=None, default=user.text("defaultProjectTrust") or "ask"
    )
    settings = user.with_project(place.cwd) if trusted else user
    registry = ModelRegistry(place.agent_dir, env=place.env)
    groups: dict[str, Iterable[Check]] = {
        "Pi": (*installation(place), *catalog(place.agent_dir)),
        "Files": files(place.agent_dir, registry),
        "Keys": keys(place, registry, settings),
        "Local servers": await servers(place),
        "Terminal": terminal(place.env),
        "Network": network(place.env, user),
        "Programs": programs(place.env, settings),
        "Sessions": sessions(place, settings),
        "Project": project(place, user, trusted=trusted),
    }
    return [replace(check, group=group) for group, checks in groups.items() for check in checks]


def as_json(checks: Sequence[Check]) -> str:
    """The findings as one JSON object."""
    failed, warned = _counts(checks)
    report = {"version": __version__, "failed": failed, "warned": warned, "checks": checks}
    return json.dumps(msgspec.to_builtins(report), indent=2, ensure_ascii=False)


def as_text(checks: Sequence[Check]) -> str:
    """The findings for people, group by group."""
    width = max(len(check.name) for check in checks)
    lines: list[str] = []
    for group, found in groupby(checks, lambda check: check.group):
        lines.append(group)
        for check in found:
            lines.append(f"  {check.status:<4}  {check.name:<{width}}  {check.text}")
            if check.advice:
                lines.append(f"{'':<{width + 10}}→ {check.advice}")
        lines.append("")
    failed, warned = _counts(checks)
    told = f"{number(failed, 'failure')}, {number(warned, 'warning')}."
    return "\n".join([*lines, told[0].upper() + told[1:] if failed + warned else "All is well."])


def _counts(checks: Sequence[Check]) -> tuple[int, int]:
    """How many fail, how many warn."""
    found = [check.status for check in checks]
    return found.count("fail"), found.count("warn")
