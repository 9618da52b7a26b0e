"""Makes the report: a Markdown table with budgets and verdicts, and the same with every sample as JSON."""

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from scenarios import Measure, Sample

BASELINE, CANDIDATE = "original", "ours"
Runs = dict[str, dict[str, list[Sample]]]  # peer -> scenario -> samples


@dataclass(frozen=True)
class Row:
    """A measure with each peer's median; `ratio` and `verdict` are about ours."""

    measure: Measure
    medians: Mapping[str, float]

    @property
    def ratio(self) -> float | None:
        base, own = self.medians.get(BASELINE), self.medians.get(CANDIDATE)
        return own / base if own is not None and base else None

    @property
    def verdict(self) -> str:
        judged = self.ratio if self.measure.share else self.medians.get(CANDIDATE)
        if judged is None or self.measure.budget is None:
            return "–"
        if judged > self.measure.budget:
            return "over"
        return "within" if self.measure.goal is None or judged > self.measure.goal else "goal"


def rows(measures: Sequence[Measure], runs: Mapping[str, Any]) -> list[Row]:
    """All rows; a peer without the samples that a measure needs is missing in its medians."""
    table: list[Row] = []
    for measure in measures:
        medians: dict[str, float] = {}
        for peer, samples in runs.items():
            try:
                medians[peer] = measure.value(samples)
            except KeyError:  # a scenario that was left out, or failed
                continue
        table.append(Row(measure, medians))
    return table


def as_markdown(table: Sequence[Row], peers: Sequence[str], problems: Sequence[str]) -> str:
    """The table, and below it what could not be run."""
    lines = [["measure", *peers, "ratio", "budget", "goal", "verdict"]]
    for row in table:
        unit, ratio = row.measure.unit, row.ratio
        limits = [
            "–" if limit is None else f"≤ {limit:.2f}" if row.measure.share else f"≤ {figure(limit, unit)}"
            for limit in (row.measure.budget, row.measure.goal)
        ]
        medians = [figure(row.medians.get(peer), unit) for peer in peers]
        share = "–" if ratio is None else f"{ratio:.2f}"
        lines.append([row.measure.title, *medians, share, *limits, row.verdict])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * width for width in widths])
    padded = ([cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines)
    text = "\n".join(f"| {' | '.join(cells)} |" for cells in padded)
    failed = "\n".join(f"- {problem}" for problem in problems)
    return text + (f"\n\nFailed or not run:\n\n{failed}" if failed else "")


def figure(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    digits = 1 if unit in ("ms", "MiB", "kB") and value < 100 else 0
    return f"{value:,.{digits}f} {unit}".rstrip()


def plain(runs: Runs) -> dict[str, Any]:
    """All samples, as JSON has them; seconds, MiB and characters."""
    return {
        peer: {scenario: [asdict(sample) for sample in samples] for scenario, samples in found.items()}
        for peer, found in runs.items()
    }


def as_json(table: Sequence[Row], samples: Mapping[str, Any], problems: Sequence[str]) -> dict[str, Any]:
    """Everything the report rests on; medians in the row's unit."""
    return {
        "machine": {
            "system": platform.platform(),
            "python": platform.python_version(),
            "cores": os.cpu_count(),
        },
        "table": [
            {
                "measure": row.measure.title,
                "unit": row.measure.unit,
                "medians": row.medians,
                "ratio": row.ratio,
                "budget": row.measure.budget,
                "goal": row.measure.goal,
                "judged": "ratio" if row.measure.share else CANDIDATE,
                "verdict": row.verdict,
            }
            for row in table
        ],
        "samples": samples,
        "problems": list(problems),
    }
