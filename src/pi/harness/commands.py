"""The slash commands of a session: of extensions, then prompt templates, then skills."""

from typing import Any

from pi.harness.session import Session


def list_commands(session: Session) -> list[dict[str, Any]]:
    """Name, description and source ("extension", "prompt", "skill") of each, with `sourceInfo` for files."""
    setup = session.setup
    commands: list[dict[str, Any]] = []
    if session.extensions is not None:
        for name, (owner, command) in session.extensions.joined.commands.items():
            info = session.extensions.roster.get(owner).source.info
            commands.append(_row(name, command.description, "extension", info))
    commands += [_row(each.name, each.description, "prompt", each.source) for each in setup.templates]
    commands += [_row(f"skill:{each.name}", each.description, "skill", each.source) for each in setup.skills]
    return commands


def _row(name: str, description: str, source: str, info: Any) -> dict[str, Any]:
    return {"name": name, "description": description, "source": source, "sourceInfo": info}
