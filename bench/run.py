"""Measures this checkout beside its peers against a scripted model server: `python3 bench/run.py`.

Installs what it needs into a cache folder, runs the peers in turn, prints the ratios, the medians and what it
could not run. README.md in this folder says how to read it.
"""

import argparse
import json
import os
import platform
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from peers import PEERS, InstallError, Peer, installed
from runner import RunError, Runner
from scenarios import Measure, Sample, Scenario, measures, scenarios
from server import ScriptedServer

BASELINE, CANDIDATE = "original", "ours"
FAILURES = 2  # of a peer in one scenario, before it is left out there
Runs = dict[str, dict[str, list[Sample]]]  # peer -> scenario -> samples


def main() -> None:
    options = parse(sys.argv[1:])
    every = scenarios(
        deltas=options.deltas,
        turns=options.turns,
        entries=options.entries,
        compacted_entries=options.compacted_entries,
    )
    names = options.scenarios.split(",") if options.scenarios else [scenario.name for scenario in every]
    if unknown := set(names) - {scenario.name for scenario in every}:
        sys.exit(f"no scenario named {', '.join(sorted(unknown))}; see --help for the list")
    problems: list[str] = []
    with tempfile.TemporaryDirectory(prefix="pi-bench-") as root, ScriptedServer() as server:
        runners = [
            Runner(peer, program, Path(root) / str(number), server, options.timeout)
            for number, (peer, program) in enumerate(programs(options, problems))
        ]
        chosen = [scenario for scenario in every if scenario.name in names]
        runs = run_all(runners, chosen, options, problems)
    rows = measures(
        deltas=options.deltas, entries=options.entries, compacted_entries=options.compacted_entries
    )
    table = [row(measure, runs) for measure in rows]
    print(report(table, list(runs), options.runs))
    for problem in problems:
        print(f"Not run: {problem}")
    if options.json:
        save(options, table, runs, problems)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for peer in PEERS:
        parser.add_argument(
            f"--{peer.name}", metavar="CMD", help=f"run CMD as {peer.name} and install nothing for it"
        )
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pi-bench"
    parser.add_argument("--peers", default=",".join(peer.name for peer in PEERS), help="default: %(default)s")
    parser.add_argument(
        "--scenarios", metavar="NAMES", help="some of: " + ", ".join(s.name for s in default_scenarios())
    )
    parser.add_argument("--runs", type=int, default=7, help="counted runs of each (default %(default)s)")
    parser.add_argument("--warmup", type=int, default=1, help="runs before them (default %(default)s)")
    parser.add_argument(
        "--deltas", type=int, default=2000, help="pieces of the long stream (default %(default)s)"
    )
    parser.add_argument(
        "--turns", type=int, default=20, help="tool calls of the tools scenario (default %(default)s)"
    )
    parser.add_argument(
        "--entries", type=int, default=10_000, help="of the resumed session (default %(default)s)"
    )
    parser.add_argument(
        "--compacted-entries", type=int, default=100_000, help="likewise (default %(default)s)"
    )
    parser.add_argument(
        "--timeout", type=float, default=120, help="seconds for one run (default %(default)s)"
    )
    parser.add_argument(
        "--cache", type=Path, default=cache, help="where peers are installed (default %(default)s)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table and all samples there")
    return parser.parse_args(arguments)


def default_scenarios() -> list[Scenario]:
    return scenarios(deltas=2, turns=1, entries=1, compacted_entries=1)


def programs(options: argparse.Namespace, problems: list[str]) -> Iterable[tuple[Peer, list[str]]]:
    """The chosen peers with their command lines; those that can't be had become problems."""
    for peer in PEERS:
        if peer.name not in options.peers.split(","):
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
    runners: Sequence[Runner], chosen: Sequence[Scenario], options: argparse.Namespace, problems: list[str]
) -> Runs:
    """Round after round, each scenario with its peers side by side; every other round in reverse order."""
    runs: Runs = {runner.peer.name: {} for runner in runners}
    failures: dict[tuple[str, str], list[RunError]] = {}
    for turn in range(-options.warmup, options.runs):
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
        label = f"run {turn + 1} of {options.runs}" if turn >= 0 else "warm-up"
        print(f"{label} done, load {os.getloadavg()[0]:.1f}", file=sys.stderr)
    for (name, scenario), errors in failures.items():
        if errors:
            left_out = ", then left out" if len(errors) == FAILURES else ""
            problems.append(f"{name}, {scenario}: failed {len(errors)}×{left_out}: {errors[-1]}")
    for runner in runners:
        problems.extend(f"{runner.peer.name}: has no {s.name}" for s in chosen if not runner.can(s))
    return runs


def row(measure: Measure, runs: Runs) -> dict[str, object]:
    """One row of the table: each peer's median, the ratio, and what the budget says to it."""
    medians: dict[str, float] = {}
    for name, samples in runs.items():
        try:
            medians[name] = measure.value(samples)
        except KeyError:  # a scenario that was left out, or failed
            continue
    base, own = medians.get(BASELINE), medians.get(CANDIDATE)
    ratio = own / base if own is not None and base else None
    judged = ratio if measure.share else own
    verdict = "–"
    if judged is not None:
        verdict = "over" if judged > measure.budget else "within" if judged > measure.goal else "goal"
    return {
        "measure": measure.title,
        "unit": measure.unit,
        "medians": medians,
        "ratio": ratio,
        "budget": measure.budget,
        "goal": measure.goal,
        "share": measure.share,
        "verdict": verdict,
    }


def report(table: Sequence[dict[str, object]], peers: Sequence[str], runs: int) -> str:
    """The table as Markdown."""
    lines = [["measure", *peers, "ratio", "budget", "goal", "verdict"]]
    for entry in table:
        unit, share = entry["unit"], entry["share"]
        values = [figure(entry["medians"].get(peer), unit) for peer in peers]
        limits = [
            f"≤ {entry[key]:.2f}" if share else f"≤ {figure(entry[key], unit)}" for key in ("budget", "goal")
        ]
        ratio = "–" if entry["ratio"] is None else f"{entry['ratio']:.2f}"
        lines.append([entry["measure"], *values, ratio, *limits, entry["verdict"]])
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    lines.insert(1, ["-" * width for width in widths])
    text = "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
        for line in lines
    )
    return f"Medians of {runs} interleaved runs; ratio = {CANDIDATE}/{BASELINE}.\n\n{text}\n"


def figure(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    digits = 1 if unit in ("ms", "MiB") and value < 100 else 0
    return f"{value:,.{digits}f} {unit}".rstrip()


def save(options: argparse.Namespace, table: object, runs: Runs, problems: list[str]) -> None:
    samples = {
        peer: {name: [asdict(sample) for sample in found] for name, found in by_scenario.items()}
        for peer, by_scenario in runs.items()
    }
    machine = {"system": platform.platform(), "python": platform.python_version(), "cores": os.cpu_count()}
    said = {name: str(value) if isinstance(value, Path) else value for name, value in vars(options).items()}
    result = {"machine": machine, "options": said, "table": table, "samples": samples, "problems": problems}
    options.json.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
