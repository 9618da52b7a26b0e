"""What a child session is made of: tools and extensions within its parent's rights, a folder, a store."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pi.harness.extensions.child_limits import Budget
from pi.harness.extensions.host import ExtensionHost
from pi.harness.models.switch import kept_role, note_role
from pi.harness.session import Session
from pi.harness.storage.entries import MessageEntry
from pi.harness.storage.store import Store
from pi.llm.messages import AssistantMessage, ThinkingLevel, ToolResultMessage, UserMessage
from pi.llm.models import Model
from pi.platform.errors import PiError

CHILDREN = "children"  # a folder beside the sessions: `--continue` and lists pass over them


def check_depth(budget: Budget) -> None:
    """Raises PiError when it would be deeper than it may."""
    if budget.depth > budget.deepest:
        raise PiError(
            f"Child sessions may be {budget.deepest} deep, and this would be number {budget.depth}. "
            "Do the work in this session, or let the outermost one open its child with Limits(depth=...)."
        )


def check_tools(session: Session, host: ExtensionHost, names: Sequence[str]) -> None:
    """Raises PiError when a tool that it was to have isn't there."""
    missing = [name for name in names if session.tools.get(name) is None]
    if missing:
        why = (
            " ".join(str(problem) for problem in host.problems)
            or "Their extension doesn't declare them here."
        )
        raise PiError(f"The child session can't have these tools: {', '.join(missing)}. {why}")


def shared(
    parent: Session, host: ExtensionHost, wanted: Sequence[str] | None, extensions: Sequence[str] | None
) -> tuple[set[str], list[str]]:
    """The extensions that join and the tools: those wanted, or the built-in ones and those of who joins."""
    active = [tool.name for tool in parent.tools.active if parent.tools.get(tool.name) is not None]
    if wanted is not None and (more := [name for name in wanted if name not in active]):
        raise PiError(
            f"A child session gets no tools that its parent hasn't: {', '.join(more)}. "
            f"There are: {', '.join(active) or 'none'}."
        )
    if extensions is None:
        joining = {each.name for each in host.roster.extensions if _is_needed(each.declared)}
    else:
        joining = {host.roster.get(name).name for name in extensions}
    owners = {name: owner for name, (owner, _) in host.joined.tools.items()}
    # one that replaces a built-in tool comes along: the built-in one would be more than the parent has
    sure = wanted if wanted is not None else [name for name in active if name in parent.tools.builtin]
    joining |= {owners[name] for name in sure if name in owners}
    if wanted is None:
        wanted = [name for name in active if name in sure or owners.get(name) in joining]
    return joining, list(dict.fromkeys(wanted))


def _is_needed(declared: Any) -> bool:
    return bool(declared.gates or declared.providers or declared.virtual_models)


def folder_of(parent: Path, wanted: Path | str | None) -> Path:
    """The folder in which it works: the parent's, one inside it, or a whole path. Raises PiError."""
    if wanted is None:
        return parent
    folder = Path(wanted)
    if not folder.is_absolute():
        folder = (parent / folder).resolve()
        if not folder.is_relative_to(parent.resolve()):
            raise PiError(f"{wanted} is outside of {parent}. Give the whole path if that is meant.")
    if not folder.is_dir():
        raise PiError(f"There is no folder {folder}.")
    return folder


def store_of(parent: Store, cwd: Path, *, save: bool, fork: bool) -> Store:
    """Where the child is kept: in the parent's folder, if that is saved, or in memory."""
    leaf = _answered_leaf(parent) if fork else None
    if save and parent.path is not None:
        if not fork:
            folder = parent.path.parent / CHILDREN
            return Store.create(cwd, directory=folder, parent_session=str(parent.path))
        store = parent.clone_to(parent.path.parent, leaf=leaf)
        store.cwd = cwd
        return store
    empty = Store.in_memory(cwd)
    if leaf is None:
        return empty
    here = parent.leaf
    parent.move_to(leaf)
    try:
        lines = [parent.raw(entry.id) for entry in parent.branch()]
    finally:
        parent.move_to(here)
    return Store(empty.header, lines, cwd=cwd, file=None)


def _answered_leaf(store: Store) -> str | None:
    """The branch's end, but before a response whose tools are running: the child would be one of them."""
    answered: set[str] = set()
    for entry in store.newest_first():
        match entry:
            case MessageEntry(message=ToolResultMessage(tool_call_id=call)):
                answered.add(call)
            case MessageEntry(message=AssistantMessage(tool_calls=calls)):
                return store.leaf if all(call.id in answered for call in calls) else entry.parent_id
            case MessageEntry(message=UserMessage()):
                break
            case _:
                pass
    return store.leaf


def begin(store: Store, model: Model, level: ThinkingLevel, name: str, role: str | None) -> None:
    """Note what it begins with."""
    store.append_model_change(model.provider, model.id)
    if role != kept_role(store):
        note_role(store, role)
    store.append_thinking_level(level)
    if name:
        store.append_session_info(name)
