"""What the events tell that only extensions see; a handler must not change them: its answer does."""

from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from pi.harness.extensions.answers import Draft
from pi.harness.storage.entries import AgentMessage, BranchSummary, Entry
from pi.llm.messages import AssistantMessage, Image, ThinkingLevel, ToolResultMessage
from pi.llm.models import Model

StartReason = Literal["startup", "reload", "new", "resume", "fork"]
EndReason = Literal["quit", "reload", "new", "resume", "fork"]


class ProjectTrust(Struct, frozen=True):
    """A project brings settings or skills, and it isn't decided whether they may be used."""

    cwd: Path


class ResourcesDiscover(Struct, frozen=True):
    """Skills, templates and themes are about to be collected."""

    cwd: Path
    reason: Literal["startup", "reload"]


class McpServersChange(Struct, frozen=True):
    """The servers that extensions have registered, by name, after a change."""

    servers: dict[str, Any]


class SessionStart(Struct, frozen=True):
    """A session is there; `previous_session_file` for new, resume and fork."""

    reason: StartReason
    previous_session_file: Path | None = None


class SessionBeforeSwitch(Struct, frozen=True):
    """Another session is about to take this one's place: a new one, or that of a file."""

    reason: Literal["new", "resume"]
    target_session_file: Path | None = None


class SessionBeforeFork(Struct, frozen=True):
    """The session is about to be copied up to an entry: without it ("before") or with it ("at")."""

    entry_id: str
    position: Literal["before", "at"]


class SessionBeforeTree(Struct, frozen=True):
    """The session is about to go on from another entry; the branch that it leaves may be summed up."""

    target_id: str
    old_leaf_id: str | None
    common_ancestor_id: str | None
    entries_to_summarize: tuple[Entry, ...]
    wants_summary: bool
    custom_instructions: str | None = None
    label: str | None = None


class SessionTree(Struct, frozen=True):
    """The session goes on from another entry."""

    new_leaf_id: str | None
    old_leaf_id: str | None
    summary_entry: BranchSummary | None = None
    from_extension: bool = False


class SessionShutdown(Struct, frozen=True):
    """The session ends or makes room for another; owned tasks are stopped afterwards."""

    reason: EndReason
    target_session_file: Path | None = None


class Input(Struct, frozen=True):
    """Somebody said something; skills and templates aren't expanded yet."""

    text: str
    images: tuple[Image, ...]
    source: Literal["interactive", "rpc", "extension"]
    when_busy: Literal["steer", "follow_up"] | None = None


class BeforeAgentStart(Struct, frozen=True):
    """A run is about to begin; `sections` is the system prompt by section, as it would be sent."""

    prompt: str
    images: tuple[Image, ...]
    sections: dict[str, str]


class AgentBeforeSettle(Struct, frozen=True):
    """Nothing is left to do: the last chance to go on. `entries` is what others append already."""

    outcome: Literal["completed", "error"]
    message: AssistantMessage | None
    entries: tuple[Draft, ...] = ()


class AgentSettled(Struct, frozen=True):
    """Nothing runs and nothing waits."""

    aborted: bool


class TurnStart(Struct, frozen=True):
    """A response and its tools begin; `turn_index` counts from 0 in each run, `timestamp` is in ms."""

    turn_index: int
    timestamp: int


class TurnEnd(Struct, frozen=True):
    """A response and its tools are saved; `entries` is what others append already."""

    turn_index: int
    message: AssistantMessage
    tool_results: tuple[ToolResultMessage, ...]
    message_entry_id: str
    tool_result_entry_ids: tuple[str, ...]
    entries: tuple[Draft, ...] = ()


class UserBash(Struct, frozen=True):
    """The user typed a shell command; `exclude_from_context` keeps it from the model."""

    command: str
    exclude_from_context: bool
    cwd: Path


class ContextEvent(Struct, frozen=True):
    """What a request would show the model, without the system messages."""

    messages: list[AgentMessage]


class ContextWithSystem(Struct, frozen=True):
    """What a request would show the model, system messages in place."""

    messages: list[AgentMessage]


class BeforeProviderHeaders(Struct, frozen=True):
    """The headers of a request, names in lower case, keys among them; None takes one out."""

    headers: dict[str, str | None]


class BeforeProviderRequest(Struct, frozen=True):
    """The body of a request in the provider's own format."""

    payload: dict[str, Any]


class AfterProviderResponse(Struct, frozen=True):
    """A response begins: its HTTP status and headers."""

    status: int
    headers: dict[str, str]


class ProviderStreamEvent(Struct, frozen=True):
    """One event of a response as the provider sent it, decoded."""

    model: Model
    data: Any


class CacheWarmingDecision(Struct, frozen=True):
    """The provider's prompt cache is about to be refreshed; costs in USD."""

    warm_cost: float
    miss_cost: float
    continuation_probability: float
    action: Literal["warm", "stop"]


class ModelSelect(Struct, frozen=True):
    """Another model answers from now on."""

    model: Model
    previous_model: Model | None
    source: Literal["set", "cycle"]


class ThinkingLevelSelect(Struct, frozen=True):
    """The model thinks at another level from now on."""

    level: ThinkingLevel
    previous_level: ThinkingLevel


class UiPromptStart(Struct, frozen=True):
    """A person is being asked."""

    kind: Literal["select", "confirm", "input", "editor", "form", "custom"]
    title: str


class UiPromptEnd(Struct, frozen=True):
    """The person has answered, or hasn't."""

    kind: Literal["select", "confirm", "input", "editor", "form", "custom"]
    title: str
