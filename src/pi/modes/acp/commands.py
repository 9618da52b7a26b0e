"""Slash commands: those that Pi has in every session, extensions' commands, templates and skills."""

from collections.abc import Awaitable, Callable

from acp.schema import (
    AvailableCommand,
    AvailableCommandInput,
    AvailableCommandsUpdate,
    UnstructuredCommandInput,
)
from msgspec import Struct

from pi.harness.commands import list_commands
from pi.harness.session import Session
from pi.harness.stats import stats_of
from pi.modes.acp.clean import shown
from pi.platform.errors import PiError


class Command(Struct, frozen=True):
    """One of ours: what it answers is shown to the user; the model hears nothing of it."""

    description: str
    run: Callable[[Session, str], Awaitable[str]]
    hint: str = ""


async def _compact(session: Session, focus: str) -> str:
    await session.compact(focus or None)
    return ""  # the session's events tell of it


async def _name(session: Session, name: str) -> str:
    if not name:
        return (
            f"This session is called {session.store.name}."
            if session.store.name
            else "This session has no name."
        )
    await session.tree.set_name(name)
    return f"This session is now called {name}."


async def _session(session: Session, _: str) -> str:
    store, stats = session.store, stats_of(session)
    usage, context = stats.usage, stats.context
    full = "not known until the next answer" if context.tokens is None else f"{context.tokens:,} tokens"
    facts = [
        ("File", "none: it is saved nowhere" if store.path is None else f"`{store.path}`"),
        ("Model", f"{session.model.ref}, thinking: {session.thinking_level}"),
        ("Messages", f"{stats.messages:,}, with {stats.tool_calls:,} tool calls"),
        ("Tokens", f"{usage.input + usage.cache_read + usage.cache_write:,} in, {usage.output:,} out"),
        ("Cost", f"${stats.cost:.4f}"),
        ("Context", f"{full} of {context.context_window:,}"),
    ]
    return "\n".join(f"- {name}: {text}" for name, text in facts)


async def _reload(session: Session, _: str) -> str:
    await session.reload()
    return "Settings, prompts, skills and extensions were read again."


COMMANDS: dict[str, Command] = {
    "compact": Command("Sum up the conversation to make room", _compact, "what the summary should keep"),
    "name": Command("Name this session", _name, "name"),
    "session": Command("Tell of this session: file, tokens, cost", _session),
    "reload": Command("Read settings, prompts, skills and extensions again", _reload),
}


def available(session: Session) -> AvailableCommandsUpdate:
    """All commands, for the editor's completion; a session's own stand before ours of the same name."""
    rows = [(str(row["name"]), str(row["description"] or ""), "arguments") for row in list_commands(session)]
    taken = {name for name, _, _ in rows}
    rows += [(name, own.description, own.hint) for name, own in COMMANDS.items() if name not in taken]
    commands = [
        AvailableCommand(name=shown(name), description=shown(description) or name, input=_input(hint))
        for name, description, hint in rows
    ]
    return AvailableCommandsUpdate(session_update="available_commands_update", available_commands=commands)


async def run_own(session: Session, text: str) -> str | None:
    """Do what is one of our commands; None for anything else. Raises PiError for what can't be done."""
    name, _, arguments = text.strip().removeprefix("/").partition(" ")
    own = COMMANDS.get(name) if text.strip().startswith("/") else None
    if own is None or any(row["name"] == name for row in list_commands(session)):
        return None
    if session.busy and name == "reload":
        raise PiError("The agent is running. Stop it before you reload.")
    return await own.run(session, arguments.strip())


def _input(hint: str) -> AvailableCommandInput | None:
    return AvailableCommandInput(root=UnstructuredCommandInput(hint=hint)) if hint else None
