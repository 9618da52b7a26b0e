"""Measures the terminal interface of this checkout beside the original: `python3 bench/tui.py`. Linux only.

Both run full screen, in turn, in a bare terminal of 120 by 40 whose screen tells when something is shown.
README.md in this folder says what each row means.
"""

import argparse
import json
import os
import random
import re
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from peers import PEERS
from report import BASELINE, CANDIDATE, as_json, as_markdown, rows
from run import FAILURES, programs
from runner import RunError, Runner
from scenarios import Measure, Scenario
from server import Play, Script, ScriptedServer
from sessions import WORDS
from terminal import COLUMNS, MOUSE_MODES, ROWS, Terminal

Values = dict[str, float]  # ms, MiB, kB
Work = Callable[[Runner], Values]
Samples = dict[str, dict[str, list[float]]]  # peer -> figure -> one value for each run
FRESH, OPENED = re.compile(r"\b0\.0%/\d"), re.compile(r"\d%/\d")  # the footer's share of the context
ABORTED = re.compile(r"aborted", re.IGNORECASE)
TYPED, LETTERS = "zqxj", "bcdfghkmnpqrtvwxz"  # in no text of a screen
CLEAR, ESCAPE, PAGE_UP = "\x15", "\x1b", "\x1b[5~"
WHEEL_UP = f"\x1b[<64;{COLUMNS // 2};{ROWS // 2}M"
LINE = 40  # keys, before the line is cleared
BETWEEN_KEYS = 0.03, 0.07  # seconds
SLOWEST, ENDLESS = 0.2, 60.0  # seconds for a key, on average; of an answer that is aborted
RESTING, SETTLED = 1.0, 0.05  # seconds without output, after which a program is idle, a change complete
IDLE = 2.0  # seconds of doing nothing that are measured
STEPS, ABORTS = 15, 4  # of scrolling; in one run
WORK = ("launch", "keys", "typing", "stream", "resume", "abort")


def main() -> None:
    options = parse()
    problems: list[str] = []
    with tempfile.TemporaryDirectory(prefix="pi-bench-") as root, ScriptedServer() as server:
        runners = [
            Runner(peer, program, Path(root, peer.name), server, options.timeout)
            for peer, program in programs(options, problems)
        ]
        samples = run_all(runners, works(options), options.rounds, problems)
    table = [row for row in rows(measures(options), samples) if row.medians]
    for row in table:
        missing = [name for name in samples if name not in row.medians]
        problems += [f"{name}: has no figure for {row.measure.title}" for name in missing]
    print(f"Medians of {options.rounds} interleaved rounds; ratio = {CANDIDATE}/{BASELINE}.\n")
    print(as_markdown(table, [runner.peer.name for runner in runners], problems))
    if options.json:
        found = as_json(table, samples, problems)
        options.json.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "pi-bench")
    pis = [peer.name for peer in PEERS if "tui" in peer.arguments]
    parser.add_argument("--peers", nargs="+", choices=pis, default=pis)
    for name in pis:
        parser.add_argument(f"--{name}", metavar="CMD", help=f"run CMD as {name} and install nothing for it")
    parser.add_argument("--measures", nargs="+", choices=WORK, default=WORK, help="(default all)")
    parser.add_argument("--rounds", type=int, default=3, help="counted rounds (default %(default)s)")
    parser.add_argument(
        "--keys", type=int, default=200, help="typed, idle and in a stream (default %(default)s)"
    )
    parser.add_argument("--rate", type=float, default=200, help="deltas/s meanwhile (default %(default)s)")
    parser.add_argument("--deltas", type=int, default=5000, help="of the long answer (default %(default)s)")
    parser.add_argument("--burst", type=float, default=500, help="its deltas/s (default %(default)s)")
    parser.add_argument("--entries", type=int, default=5000, help="of the session (default %(default)s)")
    parser.add_argument("--timeout", type=float, default=30, help="seconds for one thing to be shown")
    parser.add_argument("--cache", type=Path, default=cache, help="folder for peers (default %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table and all samples there")
    return parser.parse_args()


def works(options: argparse.Namespace) -> dict[str, Work]:
    """What is run, in this order."""
    found: dict[str, Work] = {
        "launch": launch,
        "keys": partial(keys, count=options.keys),
        "typing": partial(typing, count=options.keys, rate=options.rate),
        "stream": partial(stream, deltas=options.deltas, rate=options.burst),
        "resume": partial(resume, entries=options.entries),
        "abort": partial(abort, rate=options.rate),
    }
    return {name: found[name] for name in WORK if name in options.measures}


def measures(options: argparse.Namespace) -> list[Measure]:
    """All rows, with their budgets; those without are there to explain the others."""

    def median(figure: str) -> Callable[[dict[str, list[float]]], float]:
        return lambda samples: statistics.median(samples[figure])

    rate, session = f"{options.rate:g} deltas/s", f"{options.entries:,} messages"
    answer = f"{options.deltas:,} deltas at {options.burst:g}/s"
    table: list[tuple[str, str, str, float | None, float | None, bool]] = [
        ("launch → prompt painted", "ms", "painted", 1.0, 0.8, True),
        ("launch → first key echoed", "ms", "first key", 1.0, 0.8, True),
        ("memory after start", "MiB", "memory", 0.6, 0.5, True),
        ("CPU of the start", "ms", "cpu", None, None, True),
        ("CPU while idle, for each second", "ms", "idle cpu", None, None, True),
        ("key → echo, p50", "ms", "key p50", None, None, True),
        ("key → echo, p99", "ms", "key p99", 16, 8, False),
        ("CPU for each key", "ms", "key cpu", None, None, True),
        (f"key → echo, p50, {rate}", "ms", "typing p50", None, None, True),
        (f"key → echo, p99, {rate}", "ms", "typing p99", 33, 25, False),
        (f"{answer}: CPU", "ms", "stream cpu", 0.8, 0.6, True),
        (f"{answer}: shown", "ms", "stream wall", None, None, True),
        (f"{answer}: written to the terminal", "kB", "stream bytes", None, None, True),
        (f"{answer}: memory after it", "MiB", "stream memory", None, None, True),
        (f"{session}: painted", "ms", "resume painted", 0.9, 0.7, True),
        (f"{session}: CPU until idle", "ms", "resume cpu", None, None, True),
        (f"{session}: memory", "MiB", "resume memory", 0.6, 0.4, True),
        (f"{session}: Page Up, p50", "ms", "page p50", 29, 16, False),
        (f"{session}: CPU for each Page Up", "ms", "page cpu", None, None, True),
        (f"{session}: wheel step, p50", "ms", "wheel p50", None, None, True),
        (f"{session}: CPU for each wheel step", "ms", "wheel cpu", None, None, True),
        (f"{session}: key → echo, p50", "ms", "resume key p50", 16, 8, False),
        (f"{session}: key → echo, p99", "ms", "resume key p99", None, None, False),
        (f"{session}: CPU for each key", "ms", "resume key cpu", None, None, True),
        ("Escape → shown", "ms", "abort shown", 33, None, False),
        ("Escape → connection closed", "ms", "abort closed", 15, None, False),
    ]
    return [
        Measure(title, unit, median(figure), budget, goal, share)
        for title, unit, figure, budget, goal, share in table
    ]


class Screen:
    """A peer's interface that is open in a terminal; what it does not show in time is a RunError."""

    def __init__(self, runner: Runner, terminal: Terminal) -> None:
        self.server, self.timeout, self.terminal = runner.server, runner.timeout, terminal
        self.answers = 0

    def see(self, shown: Callable[[str], object], what: str) -> float:
        """When it was shown."""
        at = self.terminal.when(shown, self.timeout)
        if at is None:
            why = "the program ended" if self.terminal.ended else f"not within {self.timeout:g} s"
            raise RunError(f"{what}: {why}; the screen ends in {self.last_lines()!r}")
        return at

    def last_lines(self) -> str:
        lines = [line.strip() for line in self.terminal.screen.text().split("\n")]
        return " | ".join([line for line in lines if line.strip("─ ")][-3:])[-200:]

    def rest(self) -> None:
        self.terminal.quiet(RESTING, self.timeout)

    def ask(self, deltas: int, rate: float) -> tuple[float, Play, str]:
        """Send a prompt and see its answer begin: when Enter was pressed, the play, the answer's title."""
        self.answers += 1
        title = f"Store {self.answers}"
        play = self.server.play(Script(deltas=deltas, rate=rate, title=title))
        prompt = f"Tell about {title}"
        self.terminal.press(prompt)
        self.see(lambda text: prompt in text, "the prompt")
        at = self.terminal.press("\r")
        self.see(lambda text: f"{title}, chapter" in text, "the answer's first line")
        return at, play, title

    def type(self, count: int) -> list[float]:
        """Seconds from each key to its echo."""
        found: list[float] = []
        pauses = random.Random(count)
        line = ""
        for number in range(count):
            if number % LINE == 0:
                self.clear(line)
                self.terminal.press(line := TYPED)
                self.see(lambda text, line=line: line in text, "typed text")
            self.terminal.pause(pauses.uniform(*BETWEEN_KEYS))
            line += pauses.choice(LETTERS)
            pressed = self.terminal.press(line[-1])
            found.append(self.see(lambda text, line=line: line in text, f"key {number}") - pressed)
        self.clear(line)
        return found

    def clear(self, line: str) -> None:
        if line:
            self.terminal.press(CLEAR)
            self.see(lambda text: line not in text, "the cleared line")

    def scroll(self, keys: str, name: str) -> Values:
        """Time until all of a step is drawn, and its CPU."""
        taken: list[float] = []
        self.rest()
        cpu = self.terminal.cpu()
        for _ in range(STEPS):
            old = self.terminal.screen.text()
            pressed = self.terminal.press(keys)
            self.see(lambda text, old=old: text != old, f"a {name} step")
            taken.append(self.terminal.quiet(SETTLED, self.timeout) - pressed)
        return {
            f"{name} p50": statistics.median(taken) * 1e3,
            f"{name} cpu": (self.terminal.cpu() - cpu) * 1e3 / STEPS,
        }


@contextmanager
def opened(runner: Runner, command: str = "tui", entries: int = 0) -> Iterator[Screen]:
    """The interface, from just before its process starts; ended by force."""
    runner.prepare_session(Scenario(command, command, entries=entries))
    program = [*runner.program, *runner.peer.arguments[command]]
    with Terminal(program, runner.work, runner.env) as terminal:
        yield Screen(runner, terminal)


@contextmanager
def idle(runner: Runner) -> Iterator[Screen]:
    """The interface that has started and come to rest."""
    with opened(runner) as screen:
        screen.see(FRESH.search, "the prompt")
        screen.rest()
        yield screen


def launch(runner: Runner) -> Values:
    with opened(runner) as screen:
        terminal = screen.terminal
        painted = screen.see(FRESH.search, "the prompt")
        terminal.press(TYPED)
        echoed = screen.see(lambda text: TYPED in text, "the first keys")
        screen.rest()
        started = terminal.cpu()
        terminal.pause(IDLE)
        return {
            "painted": (painted - terminal.started) * 1e3,
            "first key": (echoed - terminal.started) * 1e3,
            "memory": terminal.memory(),
            "cpu": started * 1e3,
            "idle cpu": (terminal.cpu() - started) * 1e3 / IDLE,
        }


def keys(runner: Runner, *, count: int) -> Values:
    with idle(runner) as screen:
        cpu = screen.terminal.cpu()
        values = latencies("key", screen.type(count))
        return {**values, "key cpu": (screen.terminal.cpu() - cpu) * 1e3 / count}


def typing(runner: Runner, *, count: int, rate: float) -> Values:
    with idle(runner) as screen:
        screen.ask(int(rate * (count * SLOWEST + 30)), rate)
        return latencies("typing", screen.type(count))


def stream(runner: Runner, *, deltas: int, rate: float) -> Values:
    with idle(runner) as screen:
        terminal = screen.terminal
        cpu, written = terminal.cpu(), terminal.bytes
        asked, _, title = screen.ask(deltas, rate)
        screen.timeout += 2 * deltas / rate
        shown = screen.see(lambda text: f"End of {title}." in text, "the answer's end")
        screen.rest()
        return {
            "stream cpu": (terminal.cpu() - cpu) * 1e3,
            "stream wall": (shown - asked) * 1e3,
            "stream bytes": (terminal.bytes - written) / 1e3,
            "stream memory": terminal.memory(),
        }


def resume(runner: Runner, *, entries: int) -> Values:
    with opened(runner, "tui-continue", entries) as screen:
        terminal, words = screen.terminal, WORDS[:40]
        painted = screen.see(lambda text: words in text and OPENED.search(text), "the session")
        screen.rest()
        values = {
            "resume painted": (painted - terminal.started) * 1e3,
            "resume cpu": terminal.cpu() * 1e3,
            "resume memory": terminal.memory(),
        }
        values |= screen.scroll(PAGE_UP, "page")
        if MOUSE_MODES & terminal.screen.modes:
            values |= screen.scroll(WHEEL_UP, "wheel")
        screen.rest()
        cpu, count = terminal.cpu(), LINE
        values |= latencies("resume key", screen.type(count))
        return {**values, "resume key cpu": (terminal.cpu() - cpu) * 1e3 / count}


def abort(runner: Runner, *, rate: float) -> Values:
    shown: list[float] = []
    closed: list[float] = []
    with idle(runner) as screen:
        for _ in range(ABORTS):
            _, play, title = screen.ask(int(rate * ENDLESS), rate)
            screen.see(lambda text, title=title: f"{title}, chapter 2" in text, "the answer's second part")
            screen.see(lambda text: not ABORTED.search(text), "the last notice gone")
            pressed = screen.terminal.press(ESCAPE)
            shown.append(screen.see(ABORTED.search, "the notice") - pressed)
            if not play.closed.wait(screen.timeout):
                raise RunError("the server never saw the connection close")
            closed.append(play.closed_at - pressed)
            screen.rest()
    return {"abort shown": statistics.median(shown) * 1e3, "abort closed": statistics.median(closed) * 1e3}


def latencies(name: str, seconds: Sequence[float]) -> Values:
    return {
        f"{name} p50": statistics.median(seconds) * 1e3,
        f"{name} p99": statistics.quantiles(seconds, n=100, method="inclusive")[98] * 1e3,
    }


def run_all(
    runners: Sequence[Runner], chosen: Mapping[str, Work], count: int, problems: list[str]
) -> Samples:
    """A warm-up, then each work with its peers side by side, round after round, every other in reverse."""
    samples: Samples = {runner.peer.name: {} for runner in runners}
    failed: dict[tuple[str, str], int] = {}
    for turn in range(-1, count):
        for name, work in chosen.items() if turn >= 0 else [("warm-up", launch)]:
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
                for figure, value in values.items() if turn >= 0 else ():
                    samples[peer].setdefault(figure, []).append(value)
        label = f"round {turn + 1} of {count}" if turn >= 0 else "warm-up"
        print(f"{label} done, load {os.getloadavg()[0]:.1f}", file=sys.stderr)
    return samples


if __name__ == "__main__":
    main()
