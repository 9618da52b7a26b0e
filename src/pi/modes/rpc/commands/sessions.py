"""Other sessions and branches: begin, open, copy, name, move. A run is stopped before its session goes."""

import asyncio
import os
from pathlib import Path
from typing import Any

from msgspec import Struct

from pi.harness.storage.files import expand
from pi.harness.storage.transfer import export_name
from pi.harness.tree import Moved
from pi.modes.rpc.call import Call, Command, NoArguments, RpcError


class New(Struct, frozen=True, rename="camel"):
    """The file that the new session refers to."""

    parent_session: str | None = None


class Switch(Struct, frozen=True, rename="camel"):
    """The file of a session."""

    session_path: str


class Fork(Struct, frozen=True, rename="camel"):
    """A message of the user's."""

    entry_id: str = ""


class Name(Struct, frozen=True):
    """What the user calls the session."""

    name: str


class Export(Struct, frozen=True, rename="camel"):
    """Where to write."""

    output_path: str | None = None


class Navigate(Struct, frozen=True, rename="camel"):
    """An entry to go on from, and whether the branch that is left is summed up."""

    entry_id: str
    summarize: bool = False
    custom_instructions: str | None = None
    replace_instructions: bool = False
    label: str | None = None


async def new_session(call: Call, given: New) -> dict[str, Any]:
    await _stop(call)
    return {"cancelled": not await call.session.tree.new(parent=given.parent_session)}


async def switch_session(call: Call, given: Switch) -> dict[str, Any]:
    await _stop(call)
    path = call.session.store.cwd / Path(given.session_path).expanduser()
    return {"cancelled": not await call.session.tree.switch(path)}


async def fork(call: Call, given: Fork) -> dict[str, Any]:
    await _stop(call)
    moved = await call.session.tree.fork(given.entry_id)
    return {"cancelled": True} if moved.cancelled else {"text": moved.text, "cancelled": False}


async def clone(call: Call, given: NoArguments) -> dict[str, Any]:
    await _stop(call)
    return {"cancelled": (await call.session.tree.clone()).cancelled}


async def navigate_tree(call: Call, given: Navigate) -> dict[str, Any]:
    moved = await call.session.tree.navigate(
        given.entry_id,
        summarize=given.summarize,
        instructions=given.custom_instructions,
        replace_instructions=given.replace_instructions,
        label=given.label,
    )
    return _moved_view(call, moved)


async def set_session_name(call: Call, given: Name) -> None:
    name = given.name.strip()
    if not name:
        raise RpcError("Session name cannot be empty", "invalid_arguments")
    await call.session.tree.set_name(name)


async def export(call: Call, given: Export) -> dict[str, Any]:
    store = call.session.store
    path = store.path
    if path is None or not path.exists():
        raise RpcError("Nothing to export yet - start a conversation first", "invalid_state")
    from pi.harness.export.secrets import known_secrets
    from pi.harness.export.writing import export_html

    out = given.output_path or export_name(path, "html")  # what is answered, as the original has it
    target = store.cwd / expand(out, os.environ)
    secrets = known_secrets(call.session.setup.agent_dir, os.environ)
    await asyncio.to_thread(export_html, path, target, leaf=store.leaf, secrets=secrets, overwrite=True)
    return {"path": out}


async def _stop(call: Call) -> None:
    if call.session.busy:
        await call.session.abort()


def _moved_view(call: Call, moved: Moved) -> dict[str, Any]:
    shown: dict[str, Any] = {"cancelled": moved.cancelled, "leafId": call.session.store.leaf}
    if moved.text is not None:
        shown["text"] = moved.text
    if moved.summary is not None:
        shown["summaryEntryId"] = moved.summary.id
    return shown


COMMANDS = {
    "new_session": Command(New, new_session),
    "switch_session": Command(Switch, switch_session),
    "fork": Command(Fork, fork),
    "clone": Command(NoArguments, clone),
    "navigate_tree": Command(Navigate, navigate_tree),
    "set_session_name": Command(Name, set_session_name),
    "export_html": Command(Export, export),
}
