"""Measures RPC mode and long work of this checkout beside the original: `python3 bench/rpc.py`.

Round trips, a long answer, opening, forking, cloning and compacting long sessions. There are no budgets for
these; README.md in this folder says what each row means.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from peers import PEERS
from report import BASELINE, CANDIDATE
from rpc_client import RpcProcess
from run import FAILURES, programs
from runner import RunError, Runner
from scenarios import Scenario
from server import Script, ScriptedServer

WORK = ("ask", "answer", "json", "fork", "clone", "compact")
Values = dict[str, float]  # title of a row -> its figure, in the unit that the title ends with
Work = Callable[[Runner], Values]
Samples = dict[str, dict[str, list[float]]]  # title -> peer -> one figure for each run


def main() -> None:
    options = parse()
    chosen = {name: work for name, work in works(options).items() if name.split("-")[0] in options.work}
    problems: list[str] = []
    with tempfile.TemporaryDirectory(prefix="pi-bench-") as root, ScriptedServer() as server:
        runners = [
            Runner(peer, program, Path(root, peer.name), server, options.timeout)
            for peer, program in programs(options, problems)
        ]
        samples = run_all(runners, chosen, options.warmup, options.runs, problems)
    peers = [runner.peer.name for runner in runners]
    print(f"Medians of {options.runs} interleaved runs; ratio = {CANDIDATE}/{BASELINE}.\n")
    print(as_markdown(samples, peers))
    for problem in problems:
        print(f"- {problem}")
    if options.json:
        options.json.write_text(json.dumps({"samples": samples, "problems": problems}, indent=1) + "\n")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "pi-bench")
    pis = [peer.name for peer in PEERS if "rpc" in peer.arguments]
    parser.add_argument("--peers", nargs="+", choices=pis, default=pis)
    for name in pis:
        parser.add_argument(f"--{name}", metavar="CMD", help=f"run CMD as {name} and install nothing for it")
    parser.add_argument("--work", nargs="+", choices=WORK, default=WORK, help="what to run (default all)")
    parser.add_argument("--asks", type=int, default=2000, help="round trips (default %(default)s)")
    parser.add_argument("--deltas", type=int, default=50_000, help="of the answer (default %(default)s)")
    parser.add_argument("--entries", type=int, nargs="+", default=[10_000, 100_000], help="of sessions")
    parser.add_argument("--compacted", type=int, default=10_000, help="entries (default %(default)s)")
    parser.add_argument("--runs", type=int, default=3, help="counted runs (default %(default)s)")
    parser.add_argument("--warmup", type=int, default=1, help="runs before them (default %(default)s)")
    parser.add_argument("--timeout", type=int, default=120, help="seconds for one process")
    parser.add_argument("--cache", type=Path, default=cache, help="folder for peers (default %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all samples there")
    return parser.parse_args()


def works(options: argparse.Namespace) -> dict[str, Work]:
    """What is run, in this order; a name begins with its word of WORK."""
    found: dict[str, Work] = {
        "ask": partial(ask, asks=options.asks),
        "answer": partial(answer, deltas=options.deltas),
        "json": partial(answer_in_json_mode, deltas=options.deltas),
    }
    for entries in options.entries:
        for command in ("fork", "clone"):
            found[f"{command}-{entries}"] = partial(in_session, command=command, entries=entries)
    return found | {"compact": partial(in_session, command="compact", entries=options.compacted)}


def ask(runner: Runner, *, asks: int) -> Values:
    with RpcProcess(runner, "--no-session") as pi:
        first = pi.first_response()
        taken = [pi.ask("get_state") for _ in range(asks)]
    return {
        "RPC start → first response, ms": first * 1e3,
        f"get_state, p50 of {asks:,}, ms": statistics.median(taken) * 1e3,
        f"get_state, p99 of {asks:,}, ms": statistics.quantiles(taken, n=100)[98] * 1e3,
    }


def answer(runner: Runner, *, deltas: int) -> Values:
    cpu: dict[int, float] = {}
    for count in (1, deltas):
        runner.server.play(Script(deltas=count, at_once=True))
        with RpcProcess(runner, "--no-session") as pi:
            pi.first_response()
            records, taken = pi.answer("Say hi")
        if records < count:
            raise RunError(f"{records} records came for {count} deltas")
        cpu[count] = pi.cpu
    return stream_values("RPC", deltas, records / taken, cpu[deltas] - cpu[1])


def answer_in_json_mode(runner: Runner, *, deltas: int) -> Values:
    short, long = (
        runner.run(Scenario("json", "json", Script(deltas=count, at_once=True), requests=1))
        for count in (1, deltas)
    )
    return stream_values("JSON mode", deltas, (deltas - 1) / (long.wall - short.wall), long.cpu - short.cpu)


def stream_values(mode: str, deltas: int, rate: float, cpu: float) -> Values:
    title = f"answer of {deltas:,} deltas, {mode}"
    return {f"{title}, 1,000 events/s": rate / 1e3, f"{title}, ms of CPU": cpu * 1e3}


def in_session(runner: Runner, *, command: str, entries: int) -> Values:
    """Open a session and run one command; the model's part of it does not count."""
    runner.prepare_session(Scenario(command, "rpc", entries=entries))
    (file,) = (runner.home / runner.peer.sessions).rglob("*.jsonl")
    fields = {"entryId": f"{(entries - 1) // 4 * 4:08x}"} if command == "fork" else {}  # the last question
    play = runner.server.play(Script(at_once=True))
    with RpcProcess(runner, "--session", str(file)) as pi:
        opening = pi.first_response()
        taken = pi.ask(command, **fields) - play.seconds
    if (command == "compact") != bool(play.requests):
        raise RunError(f"{command}: {len(play.requests)} requests came")
    return {f"open {entries:,} entries, ms": opening * 1e3, f"{command} {entries:,} entries, ms": taken * 1e3}


def run_all(
    runners: Sequence[Runner], chosen: Mapping[str, Work], warmup: int, count: int, problems: list[str]
) -> Samples:
    """Round after round, each work with its peers side by side; every other round in reverse order."""
    samples: Samples = {}
    failed: dict[tuple[str, str], int] = {}
    for turn in range(-warmup, count):
        for name, work in chosen.items():
            for runner in runners[:: -1 if turn % 2 else 1]:
                peer = runner.peer.name
                if failed.get((peer, name)) == FAILURES:
                    continue
                try:
                    values = work(runner)
                except RunError as error:
                    failed[peer, name] = failed.get((peer, name), 0) + 1
                    problems.append(f"{peer}: {name}: {error}")
                    continue
                if turn >= 0:
                    for title, value in values.items():
                        samples.setdefault(title, {}).setdefault(peer, []).append(value)
        label = f"run {turn + 1} of {count}" if turn >= 0 else "warm-up"
        print(f"{label} done, load {os.getloadavg()[0]:.1f}", file=sys.stderr)
    return samples


def as_markdown(samples: Samples, peers: Sequence[str]) -> str:
    lines = [f"| measure | {' | '.join(peers)} | ratio |", "| --- |" + " ---: |" * (len(peers) + 1)]
    for title, found in samples.items():
        medians = {peer: statistics.median(values) for peer, values in found.items()}
        both = medians.keys() >= {BASELINE, CANDIDATE}
        ratio = f"{medians[CANDIDATE] / medians[BASELINE]:.2f}" if both else "–"
        cells = [figure(medians[peer]) if peer in medians else "–" for peer in peers]
        lines.append(f"| {title} | {' | '.join(cells)} | {ratio} |")
    return "\n".join(lines)


def figure(value: float) -> str:
    """At least three digits that count."""
    return f"{value:,.{0 if value >= 100 else 1 if value >= 10 else 2}f}"


if __name__ == "__main__":
    main()
