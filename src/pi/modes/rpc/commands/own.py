"""Commands that only this Pi has: who is there, extensions, reloading, the tree as a flat list."""

import asyncio
from functools import partial
from typing import Any, Literal

from msgspec import Struct, to_builtins

from pi.harness.storage.entries import CustomMessageEntry, Entry, MessageEntry
from pi.llm.messages import content_text
from pi.modes.rpc.call import Call, Command, NoArguments
from pi.version import __version__

_CAPABILITIES = ("form", "open_url")
By = Literal["model", "provider", "role", "session", "day", "project"]
_SHOWN = 200  # characters of a message in the tree


class Hello(Struct, frozen=True):
    """What the client can do besides the protocol: "form", "open_url"."""

    capabilities: tuple[str, ...] = ()


async def hello(call: Call, given: Hello) -> dict[str, Any]:
    """Agree on what goes beyond the original's protocol."""
    from pi.modes.rpc.commands import COMMANDS

    call.ui.has_forms = "form" in given.capabilities
    call.ui.opens_pages = "open_url" in given.capabilities
    return {
        "name": "pi-harness",
        "version": __version__,
        "capabilities": [name for name in _CAPABILITIES if name in given.capabilities],
        "commands": list(COMMANDS),
    }


class Usage(Struct, frozen=True, rename="camel"):
    """How to group what was spent, and since when (ms since 1970)."""

    by: tuple[By, ...] = ("model",)
    since_ms: int | None = None


async def get_usage(call: Call, given: Usage) -> dict[str, Any]:
    """What was spent by all sessions, and what the providers say of their limits, as `pi usage --json`."""
    from pi.harness.spending.usage_report import usage_report

    path = call.session.store.path
    folders = [path.parent] if path is not None else []
    setup = call.session.setup
    report = partial(usage_report, setup.agent_dir, by=given.by, since_ms=given.since_ms, folders=folders)
    return to_builtins(await asyncio.to_thread(report))


async def reload(call: Call, given: NoArguments) -> None:
    await call.session.reload()


async def tree(call: Call, given: NoArguments) -> dict[str, Any]:
    """Every entry with its parent, in the order of the file: easier to hold than `get_tree`'s nests."""
    store = call.session.store
    labels = store.labels
    rows = [_row(entry, labels[entry.id].label if entry.id in labels else None) for entry in store.entries()]
    return {"entries": rows, "leafId": store.leaf, "branch": [entry.id for entry in store.branch()]}


async def extensions(call: Call, given: NoArguments) -> dict[str, Any]:
    """The extensions that are loaded, and what is wrong with them or with those that aren't."""
    host = call.session.extensions
    if host is None:
        return {"extensions": [], "problems": []}
    problems = [(problem.extension, problem.text) for problem in host.problems]
    loaded = [
        {
            "name": each.name,
            "path": str(each.source.path),
            "scope": each.source.scope,
            "problems": [text for owner, text in problems if owner == each.name],
            "tools": [name for name, (owner, _) in host.joined.tools.items() if owner == each.name],
            "commands": [name for name, (owner, _) in host.joined.commands.items() if owner == each.name],
        }
        for each in host.roster.extensions
    ]
    names = {each.name for each in host.roster.extensions}
    others = [{"extension": owner, "text": text} for owner, text in problems if owner not in names]
    return {"extensions": loaded, "problems": others}


def _row(entry: Entry, label: str | None) -> dict[str, Any]:
    kind: Any = type(entry)
    row: dict[str, Any] = {
        "id": entry.id,
        "parentId": entry.parent_id,
        "type": getattr(entry, "type", None) or kind.__struct_config__.tag,
        "timestamp": entry.timestamp,
    }
    match entry:
        case MessageEntry(message=message):
            message_kind: Any = type(message)
            row["role"] = message_kind.__struct_config__.tag
            row["text"] = content_text(getattr(message, "content", ""))[:_SHOWN]
        case CustomMessageEntry(content=content):
            row["text"] = content_text(content)[:_SHOWN]
        case _:
            pass
    return row if label is None else {**row, "label": label}


COMMANDS = {
    "hello": Command(Hello, hello),
    "get_usage": Command(Usage, get_usage),
    "reload": Command(NoArguments, reload),
    "tree": Command(NoArguments, tree),
    "extensions": Command(NoArguments, extensions),
}
