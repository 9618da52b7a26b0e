"""What an examination finds out about extensions, and how it is told: as text and as JSON."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct

from pi.harness.extensions.described import Described, DescribedTool


class Finding(Struct, frozen=True, omit_defaults=True):
    """Something that is wrong ("error": it won't work) or could be better; `text` says what to do."""

    level: Literal["error", "warning"]
    text: str
    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " if self.line else f"{self.file}: " if self.file else ""
        return f"{self.level}: {place}{self.text}"


class Report(Struct, frozen=True, omit_defaults=True):
    """One extension; `declares` is None when it can't be loaded."""

    name: str
    path: str
    scope: str = "temporary"
    declares: Described | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether it can be used."""
        return not any(finding.level == "error" for finding in self.findings)


class Reports(Struct, frozen=True):
    """Several extensions, and what was wrong before any was loaded."""

    extensions: tuple[Report, ...]
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether all can be used."""
        return not self.problems and all(report.ok for report in self.extensions)


def as_json(reports: Reports) -> str:
    """One JSON object."""
    extensions = [{"ok": report.ok, **msgspec.to_builtins(report)} for report in reports.extensions]
    told = {
        "ok": reports.ok,
        "extensions": extensions,
        "problems": list(reports.problems),
        "notes": list(reports.notes),
    }
    return json.dumps(told, indent=2, ensure_ascii=False)


def as_text(reports: Reports, *, verdict: bool) -> str:
    """For people and models; `verdict` adds a last line that sums up."""
    parts = ["\n".join(_report(report)) for report in reports.extensions]
    if reports.problems:
        parts.append("\n".join(f"error: {problem}" for problem in reports.problems))
    if reports.notes:
        parts.append("\n".join(reports.notes))
    if verdict and reports.extensions:
        parts.append(_verdict(reports))
    return "\n\n".join(parts)


def _report(report: Report) -> Iterator[str]:
    where = "" if report.scope in ("temporary", "inline") else f" ({report.scope})"
    yield f"{report.name}{where}: {report.path}"
    if report.declares is not None:
        lines = list(_declares(report.declares))
        yield from lines or ["  It declares nothing."]
    yield from (f"  {finding}" for finding in report.findings)


def _declares(declares: Described) -> Iterator[str]:
    for tool in declares.tools:
        first, _, _ = tool.description.partition("\n")
        yield f"  tool {_signature(tool)}: {first}"
        yield from (f"    {each.name}: {each.description}" for each in tool.parameters if each.description)
    for field, mark, named in _NAMED:
        things: Mapping[str, str] = getattr(declares, field)
        yield from (f"  {named} {mark}{name}{f': {text}' if text else ''}" for name, text in things.items())
    if declares.handlers:
        counted = (f"{name} ({n})" if n > 1 else name for name, n in declares.handlers.items())
        yield f"  handlers: {', '.join(counted)}"
    if declares.gates:
        yield f"  gates: {declares.gates}"
    if declares.stream_guards:
        yield f"  stream guards: {declares.stream_guards}"
    for field in _LISTED:
        names: Sequence[str] = getattr(declares, field)
        if names:
            yield f"  {field.replace('_', ' ')}: {', '.join(names)}"


_NAMED = (
    ("commands", "/", "command"),
    ("shortcuts", "", "shortcut"),
    ("flags", "--", "flag"),
    ("settings", "", "setting"),
    ("cli", "pi ", "command line"),
)
_LISTED = (
    "listens",
    "providers",
    "virtual_models",
    "mcp_servers",
    "renderers",
    "footers",
    "completions",
    "states",
)


def _signature(tool: DescribedTool) -> str:
    parameters = (f"{each.name}{'' if each.required else '?'}: {each.type}" for each in tool.parameters)
    return f"{tool.name}({', '.join(parameters)})"


def _verdict(reports: Reports) -> str:
    findings: list[Any] = [finding for report in reports.extensions for finding in report.findings]
    errors = sum(finding.level == "error" for finding in findings) + len(reports.problems)
    warnings = sum(finding.level == "warning" for finding in findings)
    counts = [
        f"{count} {word}{'s' if count > 1 else ''}"
        for count, word in ((errors, "error"), (warnings, "warning"))
        if count
    ]
    if errors:
        return f"{', '.join(counts)}. Mend the errors: until then it isn't loaded."
    return f"It works; {', '.join(counts)}." if counts else "All is well."
