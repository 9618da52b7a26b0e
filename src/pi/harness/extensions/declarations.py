"""What an extension declares, as the host keeps it: handlers, tools, commands, settings and the rest."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

import msgspec
from msgspec import Struct

from pi.agent.hooks import LIMIT_S
from pi.agent.tool import Tool
from pi.llm.messages import AssistantMessage, ThinkingLevel
from pi.llm.models import Model
from pi.platform.errors import PiError

if TYPE_CHECKING:
    from pi.llm.logins import Login

T = TypeVar("T")
RenderKind = Literal["tool", "message", "entry", "markdown"]


class DeclarationError(PiError):
    """An extension declares something that can't be; the text says where and what to write instead."""


class Subscription(Struct, frozen=True, eq=False):
    """A function for an event, a gate or a topic; `limit_s` is how long one call may take."""

    name: str
    run: Callable[..., Any]
    limit_s: float | None = LIMIT_S


class Command(Struct, frozen=True, eq=False):
    """`/name args`: `run(args, ctx)`. `complete(prefix, ctx)` gives what the arguments may be."""

    name: str
    description: str
    run: Callable[..., Any]
    complete: Callable[..., Sequence[str]] | None = None


class Shortcut(Struct, frozen=True, eq=False):
    """A key in the terminal, such as "ctrl+y": `run(ctx)`."""

    key: str
    description: str
    run: Callable[..., Any]


class CliCommand(Struct, frozen=True, eq=False):
    """`pi name …` in the shell: `run(words, ctx)`, or `run(words)`; the result is the exit code."""

    name: str
    description: str
    run: Callable[..., Any]
    with_ctx: bool = False


class Renderer(Struct, frozen=True, eq=False):
    """How something is shown to people: `run(value, ctx)` gives lines of text, or None for the usual way."""

    kind: RenderKind
    name: str
    run: Callable[..., Any]


class Segment(Struct, frozen=True, eq=False):
    """A part of the footer: `run(ctx)` gives its text or None; where space is short, low ones go first."""

    name: str
    run: Callable[..., Any]
    priority: int = 50


class Completer(Struct, frozen=True, eq=False):
    """Completions in the editor for words that begin with `trigger`: `run(word, ctx)` gives texts."""

    trigger: str
    run: Callable[..., Any]


class Setting(Struct, Generic[T], eq=False):
    """One setting of an extension; `get()` is what settings.json says, or the default."""

    name: str
    type: Any
    default: T
    description: str
    read: Callable[[], Any] = lambda: None
    write: Callable[[Any], None] = lambda value: None
    warn: Callable[[str], None] = lambda text: None

    def get(self) -> T:
        """The value; one of the wrong type is reported, and the default is used."""
        value = self.read()
        if value is None:
            return self.default
        try:
            return msgspec.convert(value, self.type, strict=True)
        except msgspec.ValidationError as error:
            self.warn(f'the setting "{self.name}" is ignored: {error}')
            return self.default

    def set(self, value: T | None) -> None:
        """Write another value into the user's settings.json, None to take it out. Raises ConfigError."""
        self.write(msgspec.to_builtins(value))


class Flag(Struct, Generic[T], eq=False):
    """One option of the command line, `--name`; `get()` is its value, once the session has started."""

    name: str
    type: type[bool] | type[str]
    default: T
    description: str
    value: T | None = None

    def get(self) -> T:
        """What the command line says, or the default."""
        return self.default if self.value is None else self.value


class Provider(Struct, frozen=True, eq=False):
    """A provider of models, in the form of models.json; `stream` answers requests instead of a protocol.

    `login` is how people log in to it.
    """

    name: str
    config: dict[str, Any]
    stream: Callable[..., Any] | None = None
    login: "Login | None" = None


class Route(Struct, frozen=True):
    """Where a request of a virtual model goes; another `state` is kept on the session's branch (JSON)."""

    model: Model
    thinking_level: ThinkingLevel = "medium"
    state: Any = None


class RouteRequest(Struct, frozen=True):
    """A request that a virtual model has to route; `previous` and `failed` are what answered before."""

    model: Model
    thinking_level: ThinkingLevel
    reason: Literal["user", "continuation", "retry", "direct"]
    messages: tuple[Any, ...]
    state: Any = None
    previous: Route | None = None
    failed: Route | None = None
    failed_message: AssistantMessage | None = None


class VirtualModel(Struct, frozen=True, eq=False):
    """A model that people choose and that is another one for each request: `route(request, ctx) -> Route`."""

    model: Model
    levels: tuple[ThinkingLevel, ...]
    route: Callable[..., Any]


class Declared(Struct):
    """All that one extension declares."""

    handlers: list[Subscription] = []
    gates: list[Subscription] = []
    guards: list[Subscription] = []
    topics: list[Subscription] = []
    tools: dict[str, Tool] = {}
    commands: dict[str, Command] = {}
    shortcuts: dict[str, Shortcut] = {}
    flags: dict[str, Flag[Any]] = {}
    settings: dict[str, Setting[Any]] = {}
    cli: dict[str, CliCommand] = {}
    providers: dict[str, Provider] = {}
    virtual_models: dict[str, VirtualModel] = {}
    mcp_servers: dict[str, dict[str, Any]] = {}
    renderers: dict[str, Renderer] = {}
    segments: dict[str, Segment] = {}
    completers: dict[str, Completer] = {}
    states: dict[str, Any] = {}
