"""The types of `pi.on`, one overload an event; written by scripts/build_event_types from the table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, overload

from pi.agent.hooks import LIMIT_S

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from pi.agent.events import (
        AgentEnd,
        AgentStart,
        MessageEnd,
        MessageStart,
        MessageUpdate,
        ToolExecutionEnd,
        ToolExecutionStart,
        ToolExecutionUpdate,
    )
    from pi.agent.guard import Stop
    from pi.agent.hooks import Block, Handled, Rewrite, ToolCallEvent, ToolResultEvent
    from pi.agent.tool import ToolError, ToolResult
    from pi.harness.compaction.extension import (
        Cancel,
        Compacted,
        CompactionFailed,
        CompactionPreparation,
        OwnCompaction,
    )
    from pi.harness.events import SessionInfoChanged
    from pi.harness.extensions.answers import (
        BashDone,
        Boundary,
        CacheWarming,
        Note,
        OwnSummary,
        Resources,
        RunAs,
        Sections,
        SummaryOptions,
        SystemPrompt,
        Trust,
    )
    from pi.harness.extensions.ctx import Ctx
    from pi.harness.extensions.events import (
        AfterProviderResponse,
        AgentBeforeSettle,
        AgentSettled,
        BeforeAgentStart,
        BeforeProviderHeaders,
        BeforeProviderRequest,
        CacheWarmingDecision,
        ContextEvent,
        ContextWithSystem,
        Input,
        McpServersChange,
        ModelSelect,
        ProjectTrust,
        ProviderStreamEvent,
        ResourcesDiscover,
        SessionBeforeFork,
        SessionBeforeSwitch,
        SessionBeforeTree,
        SessionShutdown,
        SessionStart,
        SessionTree,
        ThinkingLevelSelect,
        TurnEnd,
        TurnStart,
        UiPromptEnd,
        UiPromptStart,
        UserBash,
    )
    from pi.llm.messages import AssistantMessage, SystemMessage, ToolResultMessage, UserMessage

E = TypeVar("E", contravariant=True)
A = TypeVar("A", covariant=True)
E2 = TypeVar("E2")
A2 = TypeVar("A2")


class Handler(Protocol[E, A]):
    """A handler of one event; it may leave `ctx` out when it is written without types."""

    def __call__(self, event: E, ctx: Ctx, /) -> A | Awaitable[A | None] | None: ...


class Decorator(Protocol[E2, A2]):
    """What `pi.on("event")` gives: it takes the handler and gives it back."""

    def __call__(self, run: Handler[E2, A2], /) -> Handler[E2, A2]: ...


class On(Protocol):
    """`@pi.on("event")`, with `limit` in s for one call of the handler (None: no limit)."""

    @overload
    def __call__(
        self, event: Literal["project_trust"], *, limit: float | None = LIMIT_S
    ) -> Decorator[ProjectTrust, Trust]: ...
    @overload
    def __call__(
        self, event: Literal["resources_discover"], *, limit: float | None = LIMIT_S
    ) -> Decorator[ResourcesDiscover, Resources]: ...
    @overload
    def __call__(
        self, event: Literal["mcp_servers_change"], *, limit: float | None = LIMIT_S
    ) -> Decorator[McpServersChange, None]: ...
    @overload
    def __call__(
        self, event: Literal["session_start"], *, limit: float | None = LIMIT_S
    ) -> Decorator[SessionStart, None]: ...
    @overload
    def __call__(
        self, event: Literal["session_info_changed"], *, limit: float | None = LIMIT_S
    ) -> Decorator[SessionInfoChanged, None]: ...
    @overload
    def __call__(
        self, event: Literal["session_before_switch"], *, limit: float | None = LIMIT_S
    ) -> Decorator[SessionBeforeSwitch, Cancel]: ...
    @overload
    def __call__(
        self, event: Literal["session_before_fork"], *, limit: float | None = LIMIT_S
    ) -> Decorator[SessionBeforeFork, Cancel]: ...
    @overload
    def __call__(
        self, event: Literal["session_before_compact"], *, limit: float | None = LIMIT_S
    ) -> Decorator[CompactionPreparation, Cancel | OwnCompaction]: ...
    @overload
    def __call__(
        self, event: Literal["session_compact"], *, limit: float | None = LIMIT_S
    ) -> Decorator[Compacted, None]: ...
    @overload
    def __call__(
        self, event: Literal["session_compact_failed"], *, limit: float | None = LIMIT_S
    ) -> Decorator[CompactionFailed, None]: ...
    @overload
    def __call__(
        self, event: Literal["session_before_tree"], *, limit: float | None = LIMIT_S
    ) -> Decorator[SessionBeforeTree, Cancel | OwnSummary | SummaryOptions]: ...
    @overload
    def __call__(
        self, event: Literal["session_tree"], *, limit: float | None = LIMIT_S
    ) -> Decorator[SessionTree, None]: ...
    @overload
    def __call__(
        self, event: Literal["session_shutdown"], *, limit: float | None = LIMIT_S
    ) -> Decorator[SessionShutdown, None]: ...
    @overload
    def __call__(
        self, event: Literal["input"], *, limit: float | None = LIMIT_S
    ) -> Decorator[Input, str | Handled | Input]: ...
    @overload
    def __call__(
        self, event: Literal["before_agent_start"], *, limit: float | None = LIMIT_S
    ) -> Decorator[BeforeAgentStart, Note | Sections | SystemPrompt]: ...
    @overload
    def __call__(
        self, event: Literal["agent_start"], *, limit: float | None = LIMIT_S
    ) -> Decorator[AgentStart, None]: ...
    @overload
    def __call__(
        self, event: Literal["agent_end"], *, limit: float | None = LIMIT_S
    ) -> Decorator[AgentEnd, None]: ...
    @overload
    def __call__(
        self, event: Literal["agent_before_settle"], *, limit: float | None = LIMIT_S
    ) -> Decorator[AgentBeforeSettle, Boundary]: ...
    @overload
    def __call__(
        self, event: Literal["agent_settled"], *, limit: float | None = LIMIT_S
    ) -> Decorator[AgentSettled, None]: ...
    @overload
    def __call__(
        self, event: Literal["turn_start"], *, limit: float | None = LIMIT_S
    ) -> Decorator[TurnStart, None]: ...
    @overload
    def __call__(
        self, event: Literal["turn_end"], *, limit: float | None = LIMIT_S
    ) -> Decorator[TurnEnd, Boundary | Stop]: ...
    @overload
    def __call__(
        self, event: Literal["message_start"], *, limit: float | None = LIMIT_S
    ) -> Decorator[MessageStart, None]: ...
    @overload
    def __call__(
        self, event: Literal["message_update"], *, limit: float | None = LIMIT_S
    ) -> Decorator[MessageUpdate, None]: ...
    @overload
    def __call__(
        self, event: Literal["message_end"], *, limit: float | None = LIMIT_S
    ) -> Decorator[
        MessageEnd, UserMessage | AssistantMessage | ToolResultMessage | SystemMessage | MessageEnd
    ]: ...
    @overload
    def __call__(
        self, event: Literal["tool_execution_start"], *, limit: float | None = LIMIT_S
    ) -> Decorator[ToolExecutionStart, None]: ...
    @overload
    def __call__(
        self, event: Literal["tool_execution_update"], *, limit: float | None = LIMIT_S
    ) -> Decorator[ToolExecutionUpdate, None]: ...
    @overload
    def __call__(
        self, event: Literal["tool_execution_end"], *, limit: float | None = LIMIT_S
    ) -> Decorator[ToolExecutionEnd, None]: ...
    @overload
    def __call__(
        self, event: Literal["tool_call"], *, limit: float | None = LIMIT_S
    ) -> Decorator[ToolCallEvent, Block | Rewrite]: ...
    @overload
    def __call__(
        self, event: Literal["tool_result"], *, limit: float | None = LIMIT_S
    ) -> Decorator[ToolResultEvent, ToolResult | ToolError | ToolResultEvent]: ...
    @overload
    def __call__(
        self, event: Literal["user_bash"], *, limit: float | None = LIMIT_S
    ) -> Decorator[UserBash, Block | RunAs | BashDone]: ...
    @overload
    def __call__(
        self, event: Literal["context"], *, limit: float | None = LIMIT_S
    ) -> Decorator[ContextEvent, list[Any] | ContextEvent]: ...
    @overload
    def __call__(
        self, event: Literal["context_with_system"], *, limit: float | None = LIMIT_S
    ) -> Decorator[ContextWithSystem, list[Any] | ContextWithSystem]: ...
    @overload
    def __call__(
        self, event: Literal["before_provider_headers"], *, limit: float | None = LIMIT_S
    ) -> Decorator[BeforeProviderHeaders, dict[str, Any] | BeforeProviderHeaders]: ...
    @overload
    def __call__(
        self, event: Literal["before_provider_request"], *, limit: float | None = LIMIT_S
    ) -> Decorator[BeforeProviderRequest, dict[str, Any] | BeforeProviderRequest]: ...
    @overload
    def __call__(
        self, event: Literal["after_provider_response"], *, limit: float | None = LIMIT_S
    ) -> Decorator[AfterProviderResponse, None]: ...
    @overload
    def __call__(
        self, event: Literal["provider_stream_event"], *, limit: float | None = LIMIT_S
    ) -> Decorator[ProviderStreamEvent, None]: ...
    @overload
    def __call__(
        self, event: Literal["cache_warming_decision"], *, limit: float | None = LIMIT_S
    ) -> Decorator[CacheWarmingDecision, CacheWarming]: ...
    @overload
    def __call__(
        self, event: Literal["model_select"], *, limit: float | None = LIMIT_S
    ) -> Decorator[ModelSelect, None]: ...
    @overload
    def __call__(
        self, event: Literal["thinking_level_select"], *, limit: float | None = LIMIT_S
    ) -> Decorator[ThinkingLevelSelect, None]: ...
    @overload
    def __call__(
        self, event: Literal["ui_prompt_start"], *, limit: float | None = LIMIT_S
    ) -> Decorator[UiPromptStart, None]: ...
    @overload
    def __call__(
        self, event: Literal["ui_prompt_end"], *, limit: float | None = LIMIT_S
    ) -> Decorator[UiPromptEnd, None]: ...
