"""What a tool is: a declaration for the model and a function that runs; built-in or not, all look alike."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from msgspec import UNSET, Struct

from pi.llm.messages import Image, Text, ToolDeclaration, Usage
from pi.llm.models import Model
from pi.platform.errors import PiError


class ToolError(PiError):
    """The tool failed; its text is what the model reads, so it says what to do instead."""

    @property
    def result(self) -> "ToolResult":
        """The error as the model's answer."""
        return text_result(str(self), {})


class ToolResult(Struct, frozen=True, rename="camel", omit_defaults=True):
    """What a tool gives back: `content` for the model, `details` (JSON) for people and programs."""

    content: tuple[Text | Image, ...]
    details: Any = UNSET
    usage: Usage | None = None
    terminate: bool = False  # the run ends after this batch if every result says so


class Effects(Struct, frozen=True):
    """What a call will touch, for gates and people: absolute paths, shell commands, hosts."""

    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    known: bool = True  # False: the tool doesn't say, so it may be anything


UNKNOWN_EFFECTS = Effects(known=False)


class ToolContext(Struct, frozen=True):
    """What a running tool may use. `update` shows a partial result; it is ignored once the tool has ended."""

    call_id: str
    cwd: Path
    model: Model
    env: Mapping[str, str]  # added to the environment of child processes
    update: Callable[[ToolResult], None]


class Tool(Struct, frozen=True):
    """A tool. `run` gets arguments that fit `parameters`; cancelling it must leave nothing behind."""

    name: str
    description: str
    parameters: dict[str, Any]  # JSON Schema of an object
    run: Callable[[dict[str, Any], ToolContext], Awaitable[ToolResult]]
    snippet: str | None = None  # one line for the system prompt's list of tools
    guidelines: tuple[str, ...] = ()  # rules for the system prompt
    prepare: Callable[[dict[str, Any]], dict[str, Any]] | None = None  # mends arguments before validation
    execution: Literal["parallel", "sequential"] = "parallel"
    strict: Literal["prefer", "require"] | None = None  # hold the model to the schema, where a provider can
    label: str = ""  # for people; by default the name
    effects: Callable[[dict[str, Any], Path], Effects] | None = None  # of a call: arguments, cwd
    exposure: Literal["direct", "deferred", "hidden"] = "direct"  # deferred: found by `tool_search`
    active: bool = True  # whether a session begins with it
    hints: tuple[Literal["read_only", "destructive", "idempotent", "open_world"], ...] = ()
    output_schema: dict[str, Any] | None = None  # of the structured result, for programs

    @property
    def declaration(self) -> ToolDeclaration:
        """What the model is told."""
        sampling = {"type": "json_schema", "strict": self.strict} if self.strict else None
        return ToolDeclaration(self.name, self.description, self.parameters, sampling)

    def effects_of(self, arguments: dict[str, Any], cwd: Path) -> Effects:
        """What a call will touch; unknown when the tool doesn't say, or fails to."""
        if self.effects is None:
            return UNKNOWN_EFFECTS
        try:
            return self.effects(arguments, cwd)
        except Exception:  # foreign code: a tool that can't say what it touches may touch anything
            return UNKNOWN_EFFECTS


def text_result(text: str, details: Any = UNSET) -> ToolResult:
    """A result of one text block."""
    return ToolResult((Text(text),), details)
