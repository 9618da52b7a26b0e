"""ExtensionAPI: what `extension(pi)` gets to declare what it brings; everything that acts is on `ctx`."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

from msgspec import structs

from pi.agent.hooks import LIMIT_S
from pi.agent.tool import Effects, Tool
from pi.harness.extensions.declarations import (
    CliCommand,
    Command,
    Completer,
    DeclarationError,
    Declared,
    Flag,
    Provider,
    Renderer,
    RenderKind,
    Segment,
    Setting,
    Shortcut,
    Subscription,
    VirtualModel,
)
from pi.harness.extensions.state import BranchState
from pi.harness.extensions.tool_runs import contained
from pi.llm.messages import ThinkingLevel
from pi.llm.models import Model

if TYPE_CHECKING:
    from pi.harness.extensions.on import On
    from pi.llm.logins import Login

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")
KINDS = tuple(
    name for name in Declared.__struct_fields__ if name not in ("handlers", "gates", "guards", "topics")
)


class ExtensionAPI:
    """One extension's declarations; later ones than those of `extension(pi)` count at once."""

    def __init__(self, name: str, *, injected: Mapping[Any, Callable[..., Any]], changed: Callable[[], None]):
        self.name = name
        self.declared = Declared()
        self._injected = injected
        self._changed = changed

    @property
    def on(self) -> "On":
        """`@pi.on("tool_call")` handles an event: `handler(event, ctx)`; `limit` in s, None for no limit."""
        return cast("On", self._handling)

    def tool(
        self,
        function: Any = None,
        /,
        *,
        name: str | None = None,
        description: str | None = None,
        parameters: dict[str, Any] | None = None,
        effects: Callable[[dict[str, Any], Path], Effects] | None = None,
        limit: float | None = None,
        **fields: Any,
    ) -> Any:
        """A tool of a function: its signature is the schema, its docstring the description.

        With `parameters` (a JSON Schema) the function gets one dict. `limit` is in s; `fields` are Tool's.
        """
        if isinstance(function, Tool):
            own = structs.replace(function, run=contained(function.run, limit))
            self._put("tools", function.name, own)
            return function

        def declare(function: F) -> F:
            from pi.harness.extensions.function_tool import tool_of

            tool = tool_of(
                function,
                name=name,
                description=description,
                parameters=parameters,
                injected=self._injected,
                effects=effects and _taking(effects, 2),
                **fields,
            )
            self._put("tools", tool.name, structs.replace(tool, run=contained(tool.run, limit)))
            return function

        return declare if function is None else declare(function)

    def command(
        self,
        name: str,
        description: str = "",
        *,
        complete: Callable[..., Sequence[str]] | None = None,
    ) -> Callable[[F], F]:
        """`/name args` runs `handler(args, ctx)`; without a description, the first line of its docstring.

        `complete(prefix, ctx)` gives what the arguments may be.
        """

        def declare(run: F) -> F:
            text = description or (inspect.getdoc(run) or "").partition("\n")[0]
            bound = _taking(run, 2)
            self._put(
                "commands",
                _plain(name.removeprefix("/")),
                Command(name.removeprefix("/"), text, bound, complete and _taking(complete, 2)),
            )
            return run

        return declare

    def shortcut(self, key: str, description: str) -> Callable[[F], F]:
        """A key of the terminal interface runs `handler(ctx)`."""
        return self._decorator("shortcuts", key, lambda run: Shortcut(key, description, _taking(run, 1)))

    def cli(self, name: str, description: str) -> Callable[[F], F]:
        """`pi name words…` in the shell runs `handler(words, ctx)`; its result is the exit code.

        Its ctx is that of a session that is saved nowhere; without it none is made.
        """
        return self._decorator(
            "cli", _plain(name), lambda run: CliCommand(name, description, run, _wants(run, 2))
        )

    @overload
    def flag(self, name: str, default: bool = False, description: str = "") -> Flag[bool]: ...
    @overload
    def flag(self, name: str, default: str, description: str = "") -> Flag[str]: ...
    @overload
    def flag(self, name: str, default: None, description: str = "") -> Flag[str | None]: ...
    def flag(self, name: str, default: Any = False, description: str = "") -> Flag[Any]:
        """`--name` on the command line, without a value if the default is a bool. Read it with `.get()`."""
        kind = bool if isinstance(default, bool) else str
        flag: Flag[Any] = Flag(_plain(name.removeprefix("--")), kind, default, description)
        return self._put("flags", flag.name, flag)

    @overload
    def setting(self, name: str, default: T, description: str = "", *, type: type[T]) -> Setting[T]: ...
    @overload
    def setting(self, name: str, default: T, description: str = "", *, type: Any = None) -> Setting[T]: ...
    def setting(self, name: str, default: Any, description: str = "", *, type: Any = None) -> Setting[Any]:
        """`extensionSettings.<extension>.<name>` in settings.json. Read it with `.get()`."""
        kind = type if type is not None else default.__class__ if default is not None else Any
        return self._put("settings", name, Setting(name, kind, default, description))

    @overload
    def state(self, name: str, default: T, *, type: type[T]) -> BranchState[T]: ...
    @overload
    def state(self, name: str, default: T = None, *, type: Any = Any) -> BranchState[T]: ...
    def state(self, name: str, default: Any = None, *, type: Any = Any) -> BranchState[Any]:
        """A value (JSON) that follows the session's branch: `.get(ctx)`, `.set(ctx, value)`."""
        return self._put("states", name, BranchState(f"{self.name}:{name}", default, type))

    def gate(self, function: Any = None, /, *, limit: float | None = LIMIT_S) -> Any:
        """A judge of every call's final arguments: `gate(event, ctx)` gives Block or None; errors deny."""

        def declare(run: F) -> F:
            self._add(self.declared.gates, Subscription("gate", _taking(run, 2), limit))
            return run

        return declare if function is None else declare(function)

    def stream_guard(self, function: F) -> F:
        """A watcher of each response: `guard(event, stream, ctx)` gives Cut, AskAgain, Stop or None."""
        self._add(self.declared.guards, Subscription("stream_guard", _taking(function, 3)))
        return function

    def render(self, kind: RenderKind, name: str = "") -> Callable[[F], F]:
        """How a tool, a message or entry type, or Markdown is shown: `render(value, ctx)` gives lines."""
        return self._decorator(
            "renderers", f"{kind}:{name}", lambda run: Renderer(kind, name, _taking(run, 2))
        )

    def footer(self, name: str, *, priority: int = 50) -> Callable[[F], F]:
        """A segment of the footer: `segment(ctx)` gives its text or None."""
        return self._decorator("segments", name, lambda run: Segment(name, _taking(run, 1), priority))

    def autocomplete(self, trigger: str) -> Callable[[F], F]:
        """Completions for words that begin with `trigger`: `complete(word, ctx)` gives texts."""
        return self._decorator("completers", trigger, lambda run: Completer(trigger, _taking(run, 2)))

    def listen(self, topic: str) -> Callable[[F], F]:
        """Hear what extensions say with `ctx.emit(topic, data)`: `handler(data, ctx)`."""

        def declare(run: F) -> F:
            self._add(self.declared.topics, Subscription(topic, _taking(run, 2)))
            return run

        return declare

    def provider(
        self,
        name: str,
        /,
        *,
        stream: Callable[..., Any] | None = None,
        login: "Login | None" = None,
        **config: Any,
    ) -> Provider:
        """A provider: `config` in the words of models.json (baseUrl, api, apiKey, models, headers …).

        With `stream(model, context, options, ctx)`, an async generator of text, it answers itself. With a
        `login` (`pi.ext.oauth.Login`), people log in to it as to Pi's own providers.
        """
        return self._put("providers", name, Provider(name, config, stream and _taking(stream, 4), login))

    def virtual_model(
        self,
        ref: str,
        *,
        levels: tuple[ThinkingLevel, ...] = ("off",),
        name: str = "",
        context_window: int = 0,
        max_tokens: int = 0,
    ) -> Callable[[F], F]:
        """`provider/id` that people choose; `route(request, ctx)` gives a Route for each request."""
        provider, slash, id = ref.partition("/")
        if not (slash and provider and id):
            raise DeclarationError(f'A virtual model is named "provider/id", not "{ref}".')
        model = Model(
            id=id,
            provider=provider,
            api="virtual",
            base_url="",
            name=name or id,
            reasoning=levels != ("off",),
            thinking_level_map={level: level for level in levels},
            input=("text", "image"),
            context_window=context_window,
            max_tokens=max_tokens,
        )
        return self._decorator("virtual_models", ref, lambda run: VirtualModel(model, levels, run))

    def mcp_server(self, name: str, config: dict[str, Any]) -> None:
        """A server for whatever extension speaks MCP, in the words of mcp.json."""
        self._put("mcp_servers", name, config)

    def unregister(self, kind: str, name: str) -> None:
        """Take a declaration back; `kind` is "tool", "command" … Unknown names are passed over."""
        field = kind if kind in KINDS else f"{kind}s"
        if field not in KINDS:
            raise DeclarationError(f'There is no kind "{kind}". Kinds: {", ".join(KINDS)}.')
        getattr(self.declared, field).pop(name, None)
        self._changed()

    def _handling(self, event: str, *, limit: float | None = LIMIT_S) -> Callable[[F], F]:
        return lambda run: self._on(event, run, limit)

    def _on(self, event: str, run: F, limit: float | None) -> F:
        from pi.harness.extensions.table import EVENTS

        if event not in EVENTS:
            import difflib

            near = difflib.get_close_matches(event, EVENTS, 1)
            hint = f' Did you mean "{near[0]}"?' if near else f" Events: {', '.join(EVENTS)}."
            raise DeclarationError(f'There is no event "{event}".{hint}')
        self._add(self.declared.handlers, Subscription(event, _taking(run, 2), limit))
        return run

    def _decorator(self, field: str, name: str, make: Callable[[Any], Any]) -> Callable[[F], F]:
        def declare(run: F) -> F:
            self._put(field, name, make(run))
            return run

        return declare

    def _put(self, field: str, name: str, value: Any) -> Any:
        getattr(self.declared, field)[name] = value
        self._changed()
        return value

    def _add(self, subscriptions: list[Subscription], subscription: Subscription) -> None:
        subscriptions.append(subscription)
        self._changed()


def _taking(run: Callable[..., Any], most: int) -> Callable[..., Any]:
    """The function, called with as many of its `most` arguments as it takes: `ctx` may be left out."""
    if _takes_exactly(run, most):
        return run
    try:
        parameters = list(inspect.signature(run).parameters.values())
    except (TypeError, ValueError):  # a builtin that doesn't tell
        return run
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return run
    places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    needed = [p for p in places if p.default is p.empty]
    if len(needed) > most or any(p.kind is p.KEYWORD_ONLY and p.default is p.empty for p in parameters):
        raise DeclarationError(
            f"{run.__qualname__} must take {most} arguments at most, (event, ctx), not {len(needed)}."
        )
    count = min(len(places), most)
    return run if count == most else lambda *given: run(*given[:count])


def _takes_exactly(run: Callable[..., Any], count: int) -> bool:
    """Whether a plain function has that many parameters: the usual case, told without a signature."""
    if type(run) is not FunctionType or "__wrapped__" in run.__dict__:
        return False
    code = run.__code__
    return code.co_argcount == count and not (code.co_kwonlyargcount or code.co_flags & inspect.CO_VARARGS)


def _wants(run: Callable[..., Any], count: int) -> bool:
    """Whether a function takes that many arguments; fewer are called with fewer."""
    places = [
        p
        for p in inspect.signature(run).parameters.values()
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    return len(places) >= count


def _plain(name: str) -> str:
    if not name or any(letter.isspace() or letter in "/=:" for letter in name):
        raise DeclarationError(f'"{name}" is no usable name: leave out spaces and / = :')
    return name
