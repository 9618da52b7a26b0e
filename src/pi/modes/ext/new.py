"""Writes a new extension: small, working, with comments that teach."""

import builtins
import keyword
import re
from collections.abc import Collection
from pathlib import Path

from pi.platform.errors import PiError

PARTS = ("tool", "command", "gate")
DEFAULT = ("tool", "command")

_TOOL = '''
    # A setting: users write "extensionSettings": {{"{name}": {{"longest": 500}}}} into settings.json.
    longest = pi.setting("longest", 1000, "Lines that are counted at most")

    # A tool: the model reads the docstring, the types and their texts, and calls it when that helps.
    @pi.tool
    async def {word}(path: Annotated[str, "File, relative to the session's folder"], *, ctx: Ctx) -> str:
        """Count the lines of a text file."""
        try:
            lines = (ctx.cwd / path).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeError) as error:
            # The model reads this too: say what to do instead.
            raise ToolError(f"Can't read {{path}} ({{error}}). Name a text file below {{ctx.cwd}}.") from None
        return f"{{len(lines[: longest.get()])}} lines"
'''
_COMMAND = """
    # A command: people type /{name} in a session; what follows it is `args`.
    @pi.command("{name}", "Say what {name} knows about this session")
    async def about(args: str, ctx: Ctx) -> None:
        ctx.ui.notify(f"{{ctx.cwd}}, {{len(ctx.session.messages)}} messages {{args}}".strip())
        # To have the model work on something: await ctx.say("Please ...")
"""
_GATE = """
    # A gate: it sees the final arguments of every tool call and may block it; its errors block too.
    @pi.gate
    async def {word}_gate(event: ToolCallEvent, ctx: Ctx) -> Block | None:
        if not any(path.endswith(".env") for path in event.effects.writes):
            return None
        # Where nobody can answer, `confirm` gives False: the careful answer.
        allowed = await ctx.ui.confirm("Write a .env file?", f"{{event.tool_name}} wants to.")
        return None if allowed else Block("The user doesn't want .env files to be written.")
"""
_BODIES = {"tool": _TOOL, "command": _COMMAND, "gate": _GATE}
_NAMES = {"tool": {"Ctx", "ToolError"}, "command": {"Ctx"}, "gate": {"Block", "Ctx", "ToolCallEvent"}}


def source_of(name: str, parts: Collection[str]) -> str:
    """The text of an extension that has these parts."""
    word = re.sub(r"\W", "_", name)
    word = f"{word}_tool" if keyword.iskeyword(word) or hasattr(builtins, word) else word
    chosen = [part for part in PARTS if part in parts]
    names = sorted({"ExtensionAPI"}.union(*(_NAMES[part] for part in chosen)))
    bodies = "".join(_BODIES[part].format(name=name, word=word) for part in chosen)
    return (
        f'"""{name}: say here in one sentence what it is for."""\n\n'
        + ("from typing import Annotated\n\n" if "tool" in chosen else "")
        + f"from pi.ext import {', '.join(names)}\n\n\n"
        "def extension(pi: ExtensionAPI) -> None:\n"
        "    # Pi calls this once, at its start: only declare things here, what acts runs later with `ctx`.\n"
        f"{bodies}"
    )


def target_of(named: str, folder: Path, cwd: Path) -> tuple[str, Path]:
    """The extension's name and file: a path is taken as it is, a name lies in `folder`. Raises PiError."""
    path = Path(named).expanduser()
    given = path.suffix == ".py" or len(path.parts) > 1
    name = path.name.removesuffix(".py") if given else named
    if not re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_-]{0,50}", name):
        raise PiError(f'"{name}" is no name for an extension: use a letter, then letters, digits, _ and -.')
    return name, cwd / path.with_name(f"{name}.py") if given else folder / f"{name}.py"


def write_new(path: Path, text: str) -> None:
    """Write the file. Raises PiError when there is one already, or it can't be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise PiError(f"{path} is there already and stays as it is. Choose another name.") from None
    except OSError as error:
        raise PiError(f"{path} can't be written: {error.strerror}.") from error
