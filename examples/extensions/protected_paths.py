"""Keeps tools from writing to certain files and folders: `.env`, `.git`, `node_modules`, keys.

    pi -e examples/extensions/protected_paths.py

A path is protected when one of its parts matches a name, also when a link leads there. The setting `names`
takes the place of the list below; `*` and `?` count:

    {"extensionSettings": {"protected_paths": {"names": [".env*", "*.lock"]}}}

It judges all tools that say what they write, such as `write` and `edit`. A shell command doesn't say it: use
permission_gate or a sandbox for those.
"""

from fnmatch import fnmatchcase
from pathlib import Path

from pi.ext import Block, Ctx, ExtensionAPI, ToolCallEvent

NAMES = [".env", ".env.*", ".git", "node_modules", "*.pem", "id_rsa", "id_ed25519"]


def extension(pi: ExtensionAPI) -> None:
    names = pi.setting("names", NAMES, "Names of files and folders that stay as they are", type=list[str])

    @pi.gate
    def protect(event: ToolCallEvent, ctx: Ctx) -> Block | None:
        for text in event.effects.writes:
            path = ctx.cwd / text
            if found := match(path, ctx.cwd, names.get()) or match(
                path.resolve(), ctx.cwd.resolve(), names.get()
            ):
                ctx.ui.notify(f"Kept {event.tool_name} from writing to {text}", "warning")
                return Block(
                    f"{text} is protected ({found}). Leave it as it is, or ask the user to change it."
                )
        return None


def match(path: Path, cwd: Path, names: list[str]) -> str | None:
    """The first name that a part of the path fits; inside the project only parts below it count."""
    parts = path.relative_to(cwd).parts if path.is_relative_to(cwd) else path.parts
    folded = [part.casefold() for part in parts]  # some file systems don't tell .ENV from .env
    return next((name for name in names if any(fnmatchcase(part, name.casefold()) for part in folded)), None)
