"""What all extensions declare together: clashing names are settled, providers join the registry."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct, structs

from pi.agent.tool import Tool
from pi.harness.extensions.declarations import (
    CliCommand,
    Command,
    Completer,
    Declared,
    Flag,
    Provider,
    Renderer,
    Segment,
    Shortcut,
    VirtualModel,
)
from pi.llm.config import ProviderConfig
from pi.llm.cost import priced
from pi.llm.draft import Draft, Kind
from pi.llm.errors import ProviderError
from pi.llm.events import BlockEvent, StreamStart
from pi.llm.messages import Context, Text, Thinking, ToolCall, Usage
from pi.llm.options import StreamOptions
from pi.llm.protocols import OWN_PREFIX, Protocol, set_own
from pi.llm.registry import ModelRegistry

if TYPE_CHECKING:
    from pi.llm.logins import Login

RENAMES = "extensionRenames"  # {"extension/name": "another name"}, or null to leave it out


class Joined(Struct):
    """By name: whose it is, and what it is."""

    tools: dict[str, tuple[str, Tool]] = {}
    commands: dict[str, tuple[str, Command]] = {}
    shortcuts: dict[str, tuple[str, Shortcut]] = {}
    flags: dict[str, tuple[str, Flag[Any]]] = {}
    cli: dict[str, tuple[str, CliCommand]] = {}
    providers: dict[str, tuple[str, Provider]] = {}
    virtual_models: dict[str, tuple[str, VirtualModel]] = {}
    mcp_servers: dict[str, tuple[str, dict[str, Any]]] = {}
    renderers: dict[str, tuple[str, Renderer]] = {}
    segments: dict[str, tuple[str, Segment]] = {}
    completers: dict[str, tuple[str, Completer]] = {}


_SHARED = ("segments", "completers")  # several extensions may have the same: all are used
_ONE = {
    "tools": "tool",
    "commands": "command",
    "shortcuts": "shortcut",
    "flags": "flag",
    "cli": "command-line command",
    "providers": "provider",
    "virtual_models": "virtual model",
    "mcp_servers": "MCP server",
    "renderers": "renderer",
}


def merged(
    extensions: Sequence[tuple[str, Declared]], renames: Mapping[str, Any]
) -> tuple[Joined, list[tuple[str, str]]]:
    """Everything by name, and for each clash who was left out and why: the first one keeps the name."""
    joined = Joined()
    clashes: list[tuple[str, str]] = []
    for field in Joined.__struct_fields__:
        taken: dict[str, tuple[str, Any]] = getattr(joined, field)
        for owner, declared in extensions:
            for name, thing in getattr(declared, field).items():
                wanted = f"{owner}:{name}" if field in _SHARED else renames.get(f"{owner}/{name}", name)
                if not isinstance(wanted, str) or not wanted:
                    continue
                if wanted in taken:
                    clashes.append((owner, _clash(_ONE[field], wanted, taken[wanted][0], f"{owner}/{name}")))
                    continue
                renamed = wanted != name and isinstance(thing, Struct) and hasattr(thing, "name")
                taken[wanted] = (
                    owner,
                    structs.replace(thing, name=wanted) if renamed and field not in _SHARED else thing,
                )
    return joined, clashes


def _clash(kind: str, name: str, other: str, key: str) -> str:
    another = msgspec.json.encode({RENAMES: {key: f"{key.partition('/')[0]}_{name}"}}).decode()
    return (
        f'the {kind} "{name}" is left out: extension "{other}" has one of that name. '
        f"To use both, put this into settings.json: {another}"
    )


def add_providers(
    registry: ModelRegistry,
    joined: Joined,
    ctx_of: Callable[[str], Any],
    problem: Callable[[str, str], None],
) -> None:
    """Let the registry know the providers and virtual models that extensions declare now."""
    configs: dict[str, ProviderConfig] = {}
    logins: dict[str, Login] = {}
    for name, (owner, provider) in joined.providers.items():
        given = dict(provider.config)
        if provider.stream is not None:
            api = OWN_PREFIX + name
            set_own(api, protocol_from(provider.stream, partial(ctx_of, owner)))
            given = {"api": api, "baseUrl": "own:", "apiKey": "none", **given}
        try:
            configs[name] = msgspec.convert(given, ProviderConfig)
        except msgspec.ValidationError as error:
            problem(owner, f'the provider "{name}" is left out: {error}')
            continue
        if provider.login is not None:
            logins[name] = provider.login
    virtual = {
        ref: structs.replace(model, route=partial(_routed, model.route, ctx_of, owner))
        for ref, (owner, model) in joined.virtual_models.items()
    }
    if configs or virtual or registry.has_added:
        registry.set_added(configs, virtual, logins)


def _routed(run: Callable[..., Any], ctx_of: Callable[[str], Any], owner: str, request: Any) -> Any:
    return run(request, ctx_of(owner))


def protocol_from(stream: Callable[..., Any], ctx: Callable[[], Any]) -> Protocol:
    """A protocol of an extension's async generator, which yields texts, Thinking, ToolCall and Usage."""

    async def protocol(
        draft: Draft, context: Context, options: StreamOptions
    ) -> AsyncGenerator[StreamStart | BlockEvent]:
        yield StreamStart()
        try:
            async for piece in stream(draft.model, context, options, ctx()):
                for event in _taken(draft, piece):
                    yield event
        except ProviderError:
            raise
        except Exception as error:  # foreign code: a provider that fails is a failed response
            raise ProviderError(f"{draft.model.provider}: {type(error).__name__}: {error}") from error
        for event in draft.close_all():
            yield event
        calls = any(block.kind == "toolcall" for block in draft.blocks)
        draft.stop_reason = "toolUse" if calls else "stop"

    return protocol


def _taken(draft: Draft, piece: Any) -> list[BlockEvent]:
    match piece:
        case str() | Text():
            return _grown(draft, "text", piece if isinstance(piece, str) else piece.text)
        case Thinking(thinking=text):
            return _grown(draft, "thinking", text)
        case ToolCall():
            events = draft.close_all()
            block, start = draft.open("toolcall", id=piece.id, name=piece.name)
            arguments = msgspec.json.encode(piece.arguments).decode()
            return [*events, start, draft.grow(block, arguments), draft.close(block)]
        case Usage():
            draft.usage = priced(draft.model, piece)
            return []
        case _:
            raise TypeError(f"a stream yields str, Thinking, ToolCall or Usage, not {type(piece).__name__}")


def _grown(draft: Draft, kind: Kind, text: str) -> list[BlockEvent]:
    """More text of a kind: in the block that is open, or in a new one."""
    last = draft.blocks[-1] if draft.blocks else None
    if last is not None and last.open and last.kind == kind:
        return [draft.grow(last, text)]
    events = draft.close_all()
    block, start = draft.open(kind)
    return [*events, start, draft.grow(block, text)]
