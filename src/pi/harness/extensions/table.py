"""The one table of events: what each tells, what may be answered, what becomes of the answers."""

from typing import Literal

from msgspec import Struct

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


class Row(Struct, frozen=True):
    """An event. "news" takes no answer; of a question's answers the "first" counts, the "last", or "all".

    In a "chain" each answer changes what the next handler sees: the whole event, or its `field`.
    """

    name: str
    kind: Literal["news", "first", "last", "all", "chain"]
    payload: type
    answers: tuple[type, ...]
    when: str
    field: str = ""


_ROWS = (
    Row("project_trust", "first", ProjectTrust, (Trust,), "before a project's files are used; users' only"),
    Row("resources_discover", "all", ResourcesDiscover, (Resources,), "after session_start"),
    Row("mcp_servers_change", "news", McpServersChange, (), "a server was registered or taken away"),
    Row("session_start", "news", SessionStart, (), "a session is ready; start what runs in the background"),
    Row("session_info_changed", "news", SessionInfoChanged, (), "the session got a name"),
    Row("session_before_switch", "first", SessionBeforeSwitch, (Cancel,), "before /new and /resume"),
    Row("session_before_fork", "first", SessionBeforeFork, (Cancel,), "before /fork and /clone"),
    Row(
        "session_before_compact", "last", CompactionPreparation, (Cancel, OwnCompaction), "before compaction"
    ),
    Row("session_compact", "news", Compacted, (), "after compaction"),
    Row("session_compact_failed", "news", CompactionFailed, (), "compaction failed or was stopped"),
    Row(
        "session_before_tree",
        "last",
        SessionBeforeTree,
        (Cancel, OwnSummary, SummaryOptions),
        "before /tree goes elsewhere",
    ),
    Row("session_tree", "news", SessionTree, (), "after /tree went elsewhere"),
    Row("session_shutdown", "news", SessionShutdown, (), "the session ends or is reloaded; in 5 s at most"),
    Row("input", "chain", Input, (str, Handled), "before a prompt is expanded", "text"),
    Row(
        "before_agent_start",
        "all",
        BeforeAgentStart,
        (Note, Sections, SystemPrompt),
        "before a run, after expansion",
    ),
    Row("agent_start", "news", AgentStart, (), "a run begins"),
    Row("agent_end", "news", AgentEnd, (), "a run ends; retries and queued messages may follow"),
    Row(
        "agent_before_settle", "all", AgentBeforeSettle, (Boundary,), "nothing is left to do; not if aborted"
    ),
    Row("agent_settled", "news", AgentSettled, (), "nothing runs any more"),
    Row("turn_start", "news", TurnStart, (), "before each response"),
    Row("turn_end", "all", TurnEnd, (Boundary, Stop), "a response and its tool results are saved"),
    Row("message_start", "news", MessageStart, (), "each message appears"),
    Row("message_update", "news", MessageUpdate, (), "each piece of a response; be quick"),
    Row(
        "message_end",
        "chain",
        MessageEnd,
        (UserMessage, AssistantMessage, ToolResultMessage, SystemMessage),
        "each message is complete; the answer keeps its role",
        "message",
    ),
    Row("tool_execution_start", "news", ToolExecutionStart, (), "a call begins"),
    Row("tool_execution_update", "news", ToolExecutionUpdate, (), "a tool shows what it has so far"),
    Row("tool_execution_end", "news", ToolExecutionEnd, (), "a call is over, also a blocked one"),
    Row(
        "tool_call", "first", ToolCallEvent, (Block, Rewrite), "before a tool runs; a failing handler blocks"
    ),
    Row("tool_result", "chain", ToolResultEvent, (ToolResult, ToolError), "after a tool ran", "result"),
    Row(
        "user_bash",
        "first",
        UserBash,
        (Block, RunAs, BashDone),
        "the user typed `!command`; a failing handler blocks",
    ),
    Row("context", "chain", ContextEvent, (list,), "before each request", "messages"),
    Row("context_with_system", "chain", ContextWithSystem, (list,), "after context", "messages"),
    Row("before_provider_headers", "chain", BeforeProviderHeaders, (dict,), "before a request", "headers"),
    Row("before_provider_request", "chain", BeforeProviderRequest, (dict,), "before a request", "payload"),
    Row("after_provider_response", "news", AfterProviderResponse, (), "status and headers are there"),
    Row("provider_stream_event", "news", ProviderStreamEvent, (), "each raw event; holds up the stream"),
    Row("cache_warming_decision", "last", CacheWarmingDecision, (CacheWarming,), "before a cache refresh"),
    Row("model_select", "news", ModelSelect, (), "another model was chosen"),
    Row("thinking_level_select", "news", ThinkingLevelSelect, (), "another level was chosen"),
    Row("ui_prompt_start", "news", UiPromptStart, (), "a person is asked"),
    Row("ui_prompt_end", "news", UiPromptEnd, (), "a person has answered"),
)
EVENTS: dict[str, Row] = {row.name: row for row in _ROWS}
