"""What is run, and what is read off the runs: the tables of scenarios, measures and budgets."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from server import Script

IDLE = Script()  # one short text, at once


@dataclass(frozen=True)
class Scenario:
    """One kind of run: which command line of a peer, against which script, after which session."""

    name: str
    command: str
    script: Script = IDLE
    requests: int = 0  # that must come at least
    entries: int = 0  # of the session that is continued
    compacted: bool = False  # all but its last entries are behind a compaction
    messages: int = 0  # that the first request must hold at least


def scenarios(*, deltas: int, turns: int, entries: int, compacted: int) -> list[Scenario]:
    """All scenarios, in the order of the runs."""
    return [
        Scenario("version", "version"),
        Scenario("help", "help"),
        Scenario("oneshot", "print", requests=1),
        Scenario("stream-short", "json", Script(deltas=1), requests=1),
        Scenario("stream-long", "json", Script(deltas=deltas), requests=1),
        Scenario("tools", "print", Script(tool_turns=turns), requests=turns + 1),
        Scenario("resume", "continue", requests=1, entries=entries, messages=entries),
        Scenario("resume-compacted", "continue", requests=1, entries=compacted, compacted=True, messages=30),
    ]


SCENARIOS = [scenario.name for scenario in scenarios(deltas=1, turns=1, entries=1, compacted=1)]


@dataclass(frozen=True)
class Sample:
    """What one run cost: seconds, MiB, characters. Without a request to the model, the last five stay 0."""

    wall: float
    cpu: float
    rss: float
    requests: int = 0
    first_request: float = 0  # seconds from the start of the process
    gap: float = 0  # median seconds from one request to the next
    system_chars: int = 0
    tools_chars: int = 0


Samples = Mapping[str, Sequence[Sample]]  # of one peer: scenario -> its runs


@dataclass(frozen=True)
class Measure:
    """One row of the report. A `share` is judged by ours/original, else our own value is; less is better."""

    title: str
    unit: str
    value: Callable[[Any], float]  # of a peer's samples; KeyError when a scenario that it needs was not run
    budget: float | None = None  # without one, the row is only told
    goal: float | None = None
    share: bool = True


def median(samples: Samples, scenario: str, field: str) -> float:
    return statistics.median(getattr(sample, field) for sample in samples[scenario])


def measures(*, deltas: int, entries: int, compacted: int) -> list[Measure]:
    """All rows, with their budgets."""

    def plain(scenario: str, field: str, scale: float = 1) -> Callable[[Samples], float]:
        return lambda samples: median(samples, scenario, field) * scale

    def prompt(samples: Samples) -> float:
        return median(samples, "oneshot", "system_chars") + median(samples, "oneshot", "tools_chars")

    def slope(samples: Samples) -> float:
        more = median(samples, "stream-long", "cpu") - median(samples, "stream-short", "cpu")
        return more * 1_000_000 / (deltas - 1)  # ms for each 1,000

    return [
        Measure("process start → request", "ms", plain("oneshot", "first_request", 1000), 0.40, 0.30),
        Measure("CPU of a one-shot run", "ms", plain("oneshot", "cpu", 1000), 0.40, 0.30),
        Measure("peak memory of a one-shot run", "MiB", plain("oneshot", "rss"), 45, 35, share=False),
        Measure("--version, CPU", "ms", plain("version", "cpu", 1000), 0.15, 0.08),
        Measure("--help, CPU", "ms", plain("help", "cpu", 1000), 0.15, 0.08),
        Measure("system prompt + tools as sent", "chars", prompt, 4600, 4000, share=False),
        Measure("requests for one prompt", "", plain("oneshot", "requests"), 1, 1, share=False),
        Measure("CPU per 1,000 text deltas, JSON mode", "ms", slope, 0.60, 0.40),
        Measure("tool turn (bash `true`), request → request", "ms", plain("tools", "gap", 1000), 0.70, 0.50),
        Measure(
            f"resume {entries:,} entries → request", "ms", plain("resume", "first_request", 1000), 0.40, 0.25
        ),
        Measure(
            f"resume {compacted:,} compacted → request",
            "ms",
            plain("resume-compacted", "first_request", 1000),
            0.40,
            0.25,
        ),
    ]
