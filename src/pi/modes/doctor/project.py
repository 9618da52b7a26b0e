"""What this folder brings along, and whether it is obeyed."""

import os
from collections.abc import Iterator

from pi.harness.discovery import find_resources, project_side, user_side
from pi.harness.prompts import load_templates
from pi.harness.resources import find_context_files
from pi.harness.settings import Settings, project_settings_path, read_settings
from pi.harness.skills import load_skills
from pi.harness.trust import PROTECTED
from pi.modes.doctor.report import Check, Place, ok, warn
from pi.modes.doctor.setup import json_file


def project(place: Place, user: Settings, *, trusted: bool) -> Iterator[Check]:
    """Trust, context files, skills and templates as a session started here would load them."""
    cwd = place.cwd
    own = project_side(cwd, Settings(read_settings(project_settings_path(cwd), [])))
    brought = [name for name in PROTECTED if os.path.exists(cwd / ".pi" / name)]  # noqa: PTH110
    brought += [str(path) for path in own.agents if os.path.isdir(path)]  # noqa: PTH112
    named = ", ".join(brought)
    if not trusted:
        entry = f'{{"{cwd.resolve()}": true}} in {place.agent_dir / "trust.json"}'
        yield warn(
            "trust", f"not trusted, so left out: {named}", f"to trust it: pi --approve once, or {entry}"
        )
    elif brought:
        yield ok("trust", f"trusted, so used: {named}")
    else:
        yield ok("trust", "brings no settings or prompts that would need it")
    if "settings.json" in brought:
        yield from json_file(project_settings_path(cwd), private=False)
    warnings: list[str] = []
    for file in find_context_files(cwd, place.agent_dir, warnings):
        yield ok("context", str(file.path))
    sides = [*([own] if trusted else ()), user_side(place.agent_dir, user)]
    skills = load_skills(find_resources("skills", sides, (), cwd, warnings), warnings)
    templates = load_templates(find_resources("prompts", sides, (), cwd, warnings), warnings)
    yield ok("skills", ", ".join(skill.name for skill in skills) or "none")
    yield ok("prompts", ", ".join(f"/{template.name}" for template in templates) or "none")
    for warning in warnings:
        yield warn("resources", warning, "mend or rename it")
