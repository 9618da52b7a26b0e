"""What an extension declares, in words and as data: for the model, for people, for programs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from msgspec import Struct

from pi.harness.extensions.declarations import Declared

if TYPE_CHECKING:
    from pi.harness.extensions.roster import Extension, Problem


class Parameter(Struct, frozen=True, omit_defaults=True):
    """One parameter of a tool."""

    name: str
    type: str
    description: str = ""
    required: bool = False


class DescribedTool(Struct, frozen=True, omit_defaults=True):
    """A tool as the model is told of it."""

    name: str
    description: str
    parameters: tuple[Parameter, ...] = ()


class Described(Struct, frozen=True, omit_defaults=True):
    """All that an extension declares: names with their descriptions, and handlers counted by event."""

    tools: tuple[DescribedTool, ...] = ()
    commands: dict[str, str] = {}
    shortcuts: dict[str, str] = {}
    flags: dict[str, str] = {}
    settings: dict[str, str] = {}
    cli: dict[str, str] = {}
    handlers: dict[str, int] = {}
    listens: tuple[str, ...] = ()
    gates: int = 0
    stream_guards: int = 0
    providers: tuple[str, ...] = ()
    virtual_models: tuple[str, ...] = ()
    mcp_servers: tuple[str, ...] = ()
    renderers: tuple[str, ...] = ()
    footers: tuple[str, ...] = ()
    completions: tuple[str, ...] = ()
    states: tuple[str, ...] = ()


def describe(declared: Declared) -> Described:
    """What is declared now."""
    handlers: dict[str, int] = {}
    for each in declared.handlers:
        handlers[each.name] = handlers.get(each.name, 0) + 1
    return Described(
        tools=tuple(
            DescribedTool(tool.name, tool.description, tuple(parameters_of(tool.parameters)))
            for tool in declared.tools.values()
        ),
        commands=_texts(declared.commands),
        shortcuts=_texts(declared.shortcuts),
        flags=_texts(declared.flags),
        settings=_texts(declared.settings),
        cli=_texts(declared.cli),
        handlers=handlers,
        listens=tuple(each.name for each in declared.topics),
        gates=len(declared.gates),
        stream_guards=len(declared.guards),
        providers=tuple(declared.providers),
        virtual_models=tuple(declared.virtual_models),
        mcp_servers=tuple(declared.mcp_servers),
        renderers=tuple(declared.renderers),
        footers=tuple(declared.segments),
        completions=tuple(declared.completers),
        states=tuple(declared.states),
    )


def parameters_of(schema: Mapping[str, Any]) -> list[Parameter]:
    """The parameters that a tool's schema names."""
    properties = schema.get("properties")
    members = cast("dict[str, Any]", properties) if isinstance(properties, dict) else {}
    required = schema.get("required") or ()
    return [
        Parameter(name, _type(member), str(_of(member, "description") or ""), name in required)
        for name, member in members.items()
    ]


def summary(described: Described) -> str:
    """The declarations in one line; "nothing" when there are none."""
    counted = {"gate": described.gates, "stream guard": described.stream_guards}
    parts = [
        _list("tool", [tool.name for tool in described.tools]),
        _list("command", [f"/{name}" for name in described.commands]),
        _list("shortcut", described.shortcuts),
        _list("flag", [f"--{name}" for name in described.flags]),
        _list("setting", described.settings),
        _list("command line", [f"pi {name}" for name in described.cli]),
        _list("handler", described.handlers),
        _list("topic", described.listens),
        *(f"{count} {word}{'s' if count > 1 else ''}" for word, count in counted.items() if count),
        _list("provider", described.providers),
        _list("virtual model", described.virtual_models),
        _list("MCP server", described.mcp_servers),
        _list("renderer", described.renderers),
        _list("footer", described.footers),
        _list("completion", described.completions),
        _list("state", described.states),
    ]
    return "; ".join(part for part in parts if part) or "nothing"


def told(path: Path, loaded: Sequence["Extension"], problems: Sequence["Problem"]) -> str:
    """What the model hears of an extension that it asked for."""
    lines = [f'Extension "{each.name}" is loaded: {summary(describe(each.declared))}.' for each in loaded]
    if loaded:
        lines += [f'But in "{problem.extension}": {problem.text}' for problem in problems]
    else:
        texts = [problem.text for problem in problems] or ["nothing was found there."]
        lines += [f'Extension "{path.stem}" could not be loaded: {text}' for text in texts]
        lines.append(f"Mend {path}, then run: pi ext load {path}")
    return "\n".join(lines)


def _texts(things: Mapping[str, Any]) -> dict[str, str]:
    return {name: thing.description for name, thing in things.items()}


def _list(word: str, names: Sequence[str] | Mapping[str, Any]) -> str:
    return f"{word}{'s' if len(names) > 1 else ''} {', '.join(names)}" if names else ""


def _type(schema: Any) -> str:
    """A schema's type in a word or two."""
    if isinstance(schema, dict) and (choices := _of(schema, "enum")):
        return " | ".join(str(choice) for choice in choices)
    if isinstance(schema, dict) and (variants := _of(schema, "anyOf")):
        return " | ".join(_type(variant) for variant in variants)
    kind = _of(schema, "type")
    kinds = cast("list[Any]", kind) if isinstance(kind, list) else [kind or "any"]
    items = _of(schema, "items")
    return " | ".join(
        f"array of {_type(items)}" if each == "array" and items else str(each) for each in kinds
    )


def _of(schema: Any, key: str) -> Any:
    return cast("dict[str, Any]", schema).get(key) if isinstance(schema, dict) else None
