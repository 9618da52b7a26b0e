"""Measures this checkout beside its peers against a scripted model server: `python3 bench/run.py`.

Installs what it needs into a cache folder, runs the peers in turn, prints the ratios, the medians and what it
could not run. README.md in this folder says how to read it.
"""

import argparse
import json
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from peers import PEERS, InstallError, Peer, installed
from report import BASELINE, CANDIDATE, Runs, as_json, as_markdown, plain, rows
from runner import RunError, Runner
from scenarios import SCENARIOS, Scenario, measures, scenarios
from server import ScriptedServer

FAILURES = 2  # of a peer in one scenario, before it is left out there


def main() -> None:
    options = parse(sys.argv[1:])
    sizes = {"deltas": options.deltas, "entries": options.entries, "compacted": options.compacted_entries}
    chosen = [s for s in scenarios(turns=options.turns, **sizes) if s.name in options.scenarios]
    problems: list[str] = []
    with tempfile.TemporaryDirectory(prefix="pi-bench-") as root, ScriptedServer() as server:
        runners = [
            Runner(peer, program, Path(root, str(number)), server, options.timeout)
            for number, (peer, program) in enumerate(programs(options, problems))
        ]
        runs = run_all(runners, chosen, options.warmup, options.runs, problems)
    table = rows(measures(**sizes), runs)
    print(f"Medians of {options.runs} interleaved runs; ratio = {CANDIDATE}/{BASELINE}.\n")
    print(as_markdown(table, list(runs), problems))
    if options.json:
        options.json.write_text(
            json.dumps(as_json(table, plain(runs), problems), indent=1, ensure_ascii=False) + "\n"
        )


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )

    def names(known: Sequence[str]) -> dict[str, Any]:
        return {"nargs": "+", "choices": known, "default": known, "metavar": "NAME", "help": ", ".join(known)}

    def count(default: int, what: str) -> dict[str, Any]:
        return {"type": int, "default": default, "metavar": "N", "help": f"{what} (default %(default)s)"}

    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "pi-bench")
    parser.add_argument("--peers", **names([peer.name for peer in PEERS]))
    parser.add_argument("--scenarios", **names(SCENARIOS))
    for peer in PEERS:
        what = f"run CMD as {peer.name} and install nothing for it"
        parser.add_argument(f"--{peer.name}", metavar="CMD", help=what)
    parser.add_argument("--runs", **count(7, "counted runs of each scenario"))
    parser.add_argument("--warmup", **count(1, "runs before them"))
    parser.add_argument("--deltas", **count(2000, "pieces of text in stream-long"))
    parser.add_argument("--turns", **count(20, "tool calls in tools"))
    parser.add_argument("--entries", **count(10_000, "entries of the session in resume"))
    parser.add_argument("--compacted-entries", **count(100_000, "entries in resume-compacted"))
    parser.add_argument("--timeout", **count(120, "seconds for one run"))
    parser.add_argument("--cache", type=Path, default=cache, help="folder for peers (default %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table and all samples there")
    return parser.parse_args(arguments)


def programs(options: argparse.Namespace, problems: list[str]) -> Iterable[tuple[Peer, list[str]]]:
    """The chosen peers with their command lines; those that can't be had become problems."""
    for peer in PEERS:
        if peer.name not in options.peers:
            continue
        own = getattr(options, peer.name)
        try:
            yield peer, given(own) if own else installed(peer, options.cache.resolve())
        except InstallError as error:
            problems.append(f"{peer.name}: {error}")


def given(command: str) -> list[str]:
    """A command line from the user, its program made independent of the working directory."""
    program, *rest = shlex.split(command)
    found = shutil.which(program)
    if found is None:
        raise InstallError(f"there is no program {program!r}; give its path")
    return [os.path.abspath(found), *rest]  # not resolved: a venv's python is a link


def run_all(
    runners: Sequence[Runner], chosen: Sequence[Scenario], warmup: int, count: int, problems: list[str]
) -> Runs:
    """Round after round, each scenario with its peers side by side; every other round in reverse order."""
    runs: Runs = {runner.peer.name: {} for runner in runners}
    failures: dict[tuple[str, str], list[RunError]] = {}
    for turn in range(-warmup, count):
        for scenario in chosen:
            for runner in runners[:: -1 if turn % 2 else 1]:
                name = runner.peer.name
                failed = failures.setdefault((name, scenario.name), [])
                if not runner.can(scenario) or len(failed) == FAILURES:
                    continue
                try:
                    sample = runner.run(scenario)
                except RunError as error:
                    failed.append(error)
                    continue
                if turn >= 0:
                    runs[name].setdefault(scenario.name, []).append(sample)
        label = f"run {turn + 1} of {count}" if turn >= 0 else "warm-up"
        print(f"{label} done, load {os.getloadavg()[0]:.1f}", file=sys.stderr)
    for (name, scenario), errors in failures.items():
        if errors:
            left_out = " and was left out" if len(errors) == FAILURES else ""
            problems.append(f"{name}: {scenario} failed {len(errors)}×{left_out}: {errors[-1]}")
    for runner in runners:
        problems += [f"{runner.peer.name}: has no {s.name}" for s in chosen if not runner.can(s)]
    return runs


if __name__ == "__main__":
    main()
