"""Prompt templates: Markdown files that people call as `/name arguments`."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from pi.harness.discovery import SourceInfo
from pi.harness.frontmatter import FrontmatterError, parse_frontmatter
from pi.harness.resources import read_text
from pi.harness.skills import Skill, expand_skill

SUMMARY_LIMIT = 60  # characters of a first line that stands in for a description

# What a quote opens ends at the next one like it that has no backslash before it; the rest sticks to that.
_ARGUMENT = r"""(?s)\s*(?:(["'])((?:\\\1|(?!\1|\\\1).)*)\1)?(\S*)"""
_PLACEHOLDER = (
    r"\$\{(?P<wanted>[0-9]+|@|ARGUMENTS):-(?P<default>[^}]*)\}"
    r"|\$\{@:(?P<start>[0-9]+)(?::(?P<count>[0-9]+))?\}"
    r"|\$(?P<plain>[0-9]+|@|ARGUMENTS)"
)


class PromptTemplate(Struct, frozen=True):
    """One template; `argument_hint` tells people what to type behind its name, `model` is who answers it."""

    name: str
    description: str
    text: str
    path: Path
    source: SourceInfo
    argument_hint: str | None = None
    model: str | None = None


def load_templates(found: Iterable[SourceInfo], warnings: list[str]) -> tuple[PromptTemplate, ...]:
    """The templates in these files; of two with one name the first is kept."""
    templates: dict[str, PromptTemplate] = {}
    for source in found:
        template = _load(source, warnings)
        if template is None:
            continue
        kept = templates.setdefault(template.name, template)
        if kept is not template:
            warnings.append(
                f"Template {template.path} is left out: {kept.path} is /{template.name} too. Rename one."
            )
    return tuple(templates.values())


def expand(
    text: str, skills: Sequence[Skill], templates: Sequence[PromptTemplate], warnings: list[str]
) -> str:
    """What a typed text says to the model: `/skill:name …` and `/template …` in full, the rest as it is."""
    if not text.startswith("/"):
        return text
    text = expand_skill(text, skills, warnings)
    called = re.fullmatch(r"/(\S+)(?:\s+(.*))?", text, re.DOTALL)
    template = next((template for template in templates if called and template.name == called[1]), None)
    if called is None or template is None:
        return text
    return substitute(template.text, split_arguments(called[2] or ""))


def wanted_model(text: str, skills: Sequence[Skill], templates: Sequence[PromptTemplate]) -> str | None:
    """The model that the called skill or template names; None when there is none, or it takes any."""
    if not text.startswith("/"):
        return None
    name = text[1:].split(None, 1)[0] if text[1:].split() else ""
    named: dict[str, Skill | PromptTemplate] = {each.name: each for each in templates}
    named |= {f"skill:{each.name}": each for each in skills}
    called = named.get(name)
    return None if called is None or called.model == "inherit" else called.model


def split_arguments(text: str) -> list[str]:
    """The words of a command line. A quote opens only where an argument begins; one without its end is text.

    Inside, a backslash keeps the same quote as text; other backslashes stay.
    """
    arguments: list[str] = []
    for match in re.finditer(_ARGUMENT, text):
        quote, quoted, rest = match.groups()
        if quote:
            arguments.append(quoted.replace(f"\\{quote}", quote) + rest)
        elif rest:
            arguments.append(rest)
    return arguments


def substitute(text: str, arguments: Sequence[str]) -> str:
    """A template's text with its arguments in place: one pass, so what they hold is never a placeholder."""

    def value(wanted: str) -> str:
        if wanted in ("@", "ARGUMENTS"):
            return " ".join(arguments)
        number = _number(wanted)
        return arguments[number - 1] if 1 <= number <= len(arguments) else ""

    def fill(match: re.Match[str]) -> str:
        if match["wanted"]:
            return value(match["wanted"]) or match["default"]
        if match["start"]:
            first = max(_number(match["start"]) - 1, 0)
            last = first + _number(match["count"]) if match["count"] else None
            return " ".join(arguments[first:last])
        return value(match["plain"])

    return re.sub(_PLACEHOLDER, fill, text)


def _number(digits: str) -> int:
    return int(digits[:9])  # more digits than that are beyond any argument, and could be too many for int()


def _load(source: SourceInfo, warnings: list[str]) -> PromptTemplate | None:
    path = Path(source.path)
    try:
        fields, body = parse_frontmatter(read_text(path))
    except OSError as error:
        warnings.append(f"Can't read {path}: {error.strerror}. The template is left out.")
        return None
    except FrontmatterError as error:
        warnings.append(f"Template {path} is left out until its frontmatter is mended: {error}.")
        return None
    hint: Any = fields.get("argument-hint")
    model: Any = fields.get("model")
    return PromptTemplate(
        name=path.name.removesuffix(".md"),
        description=_summary(fields.get("description"), body),
        text=body,
        path=path,
        source=source,
        argument_hint=hint if isinstance(hint, str) and hint else None,
        model=model if isinstance(model, str) and model else None,
    )


def _summary(description: Any, body: str) -> str:
    if isinstance(description, str) and description:
        return description
    first = next((line for line in body.split("\n") if line.strip()), "")
    return first if len(first) <= SUMMARY_LIMIT else f"{first[:SUMMARY_LIMIT]}..."
