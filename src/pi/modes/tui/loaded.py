"""What was loaded for a session, by name: for the header, and for /reload."""

import re
from collections.abc import Sequence
from pathlib import Path

from pi.harness.session import Session
from pi.modes.tui.footer import short_path
from pi.modes.tui.theme.themes import Themes

_CONTEXT = re.compile(r'^<project_instructions path="([^"]+)">$', re.M)


def loaded(session: Session, themes: Themes) -> list[tuple[str, Sequence[str]]]:
    """Kinds of things, and the names of those that are there."""
    setup = session.setup
    context = session.state.sections.get("project_context", "")
    extensions = session.extensions.roster.extensions if session.extensions is not None else ()
    return [
        ("Context", [short_path(Path(path)) for path in _CONTEXT.findall(context)]),
        ("Skills", [skill.name for skill in setup.skills]),
        ("Prompts", [f"/{template.name}" for template in setup.templates]),
        ("Extensions", [extension.name for extension in extensions]),
        ("Themes", [name for name in themes.names() if name not in ("system", "dark", "light")]),
        ("Models", list(setup.model_scope)),
    ]
