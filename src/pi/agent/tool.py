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


class ToolResult(Struct, frozen=True, rename="camel", omit_defaults=True):
    """What a tool gives back: `content` for the model, `details` (JSON) for people and programs."""

    content: tuple[Text | Image, ...]
    details: Any = UNSET
    usage: Usage | None = None
    terminate: bool = False  # the run ends after this batch if every result says so


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

    @property
    def declaration(self) -> ToolDeclaration:
        """What the model is told."""
        sampling = {"type": "json_schema", "strict": self.strict} if self.strict else None
        return ToolDeclaration(self.name, self.description, self.parameters, sampling)


def text_result(text: str, details: Any = UNSET) -> ToolResult:
    """A result of one text block."""
    return ToolResult((Text(text),), details)
