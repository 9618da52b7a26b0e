"""Skills: instructions that the model reads when a task calls for them, or people call by `/skill:name`."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from pi.harness.discovery import SKILL_FILE, SourceInfo
from pi.harness.frontmatter import FrontmatterError, parse_frontmatter, split_frontmatter
from pi.harness.resources import read_text

NAME_LIMIT = 64  # characters, by the Agent Skills specification, as the next
DESCRIPTION_LIMIT = 1024
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;"})


class Skill(Struct, frozen=True):
    """One skill. The body is read when it is asked for; a `hidden` one isn't shown to the model.

    `model` is who does the work when people call it, a pattern.
    """

    name: str
    description: str
    path: Path
    source: SourceInfo
    hidden: bool = False
    model: str | None = None

    @property
    def folder(self) -> Path:
        """What the paths in its text are relative to."""
        return self.path.parent


def load_skills(found: Iterable[SourceInfo], warnings: list[str]) -> tuple[Skill, ...]:
    """The skills in these files; of two with one name the first is kept."""
    skills: dict[str, Skill] = {}
    for source in found:
        skill = _load(source, warnings)
        if skill is None:
            continue
        kept = skills.setdefault(skill.name, skill)
        if kept is not skill:
            warnings.append(
                f"Skill {skill.path} is left out: {kept.path} is named {skill.name!r} too. Rename one."
            )
    return tuple(skills.values())


def advertise(skills: Sequence[Skill], tools: Iterable[str]) -> str | None:
    """What the system prompt says of the skills; None when there are none, or no tool could read them."""
    names = set(tools)
    reader = next((tool for tool in ("read", "bash") if tool in names), None)
    shown = [skill for skill in skills if not skill.hidden]
    if reader is None or not shown:
        return None
    lines = [
        f"Before a task that a skill's description fits, load its file with {reader} and follow it.",
        "Paths in it are relative to the folder it lies in: make them absolute.",
        "",
        "<available_skills>",
    ]
    for skill in shown:
        lines += [
            "  <skill>",
            f"    <name>{_escape(skill.name)}</name>",
            f"    <description>{_escape(skill.description)}</description>",
            f"    <location>{_escape(str(skill.path))}</location>",
            "  </skill>",
        ]
    return "\n".join([*lines, "</available_skills>"])


def expand_skill(text: str, skills: Iterable[Skill], warnings: list[str]) -> str:
    """`/skill:name words` as the skill's text with the words below it; anything else as it is."""
    called = re.fullmatch(r"/skill:(\S+)(?:\s+(.*))?", text, re.DOTALL)
    skill = next((skill for skill in skills if called and skill.name == called[1]), None)
    if called is None or skill is None:
        return text
    try:
        body = split_frontmatter(read_text(skill.path))[1].strip()
    except OSError as error:
        warnings.append(f"Can't read {skill.path}: {error.strerror}. The command is sent as it was typed.")
        return text
    words = (called[2] or "").strip()
    block = (
        f'<skill name="{skill.name}" location="{skill.path}">\n'
        f"References are relative to {skill.folder}.\n\n{body}\n</skill>"
    )
    return f"{block}\n\n{words}" if words else block


def _load(source: SourceInfo, warnings: list[str]) -> Skill | None:
    path = Path(source.path)
    declared = path.name == SKILL_FILE  # any other Markdown file may be just a note
    try:
        fields, _ = parse_frontmatter(read_text(path))
    except OSError as error:
        warnings.append(f"Can't read {path}: {error.strerror}. The skill is left out.")
        return None
    except FrontmatterError as error:
        if declared:
            warnings.append(f"Skill {path} is left out until its frontmatter is mended: {error}.")
        return None
    description = _text(fields, "description")
    if not description.strip():
        if declared:
            warnings.append(f'Skill {path} is left out: its frontmatter needs a "description".')
        return None
    name = _text(fields, "name") or path.parent.name
    warnings += [f"Skill {path}: {flaw}." for flaw in _flaws(name, description)]
    hidden = fields.get("disable-model-invocation") is True
    return Skill(name, description, path, source, hidden, _text(fields, "model") or None)


def _flaws(name: str, description: str) -> list[str]:
    """What the specification doesn't allow, though the skill works here."""
    flaws: list[str] = []
    if len(name) > NAME_LIMIT:
        flaws.append(f"the name has {len(name)} characters, more than {NAME_LIMIT}")
    if not re.fullmatch("[a-z0-9]+(?:-[a-z0-9]+)*", name):
        flaws.append(f"the name {name!r} should be lowercase letters, digits and single hyphens between them")
    if len(description) > DESCRIPTION_LIMIT:
        flaws.append(f"the description has {len(description)} characters, more than {DESCRIPTION_LIMIT}")
    return flaws


def _text(fields: dict[str, Any], key: str) -> str:
    value = fields.get(key)
    return value if isinstance(value, str) else ""


def _escape(text: str) -> str:
    return text.translate(_ESCAPES)
