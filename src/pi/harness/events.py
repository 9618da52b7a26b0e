"""What a session says beyond its loop: retries, compaction, queues, settings, and that all is done."""

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from pi.agent.events import AgentEvent
from pi.llm.messages import Usage

CompactionReason = Literal["manual", "threshold", "overflow"]


class _Event(Struct, frozen=True, tag_field="type", rename="camel"):
    pass


class AutoRetryStart(_Event, frozen=True, tag="auto_retry_start"):
    """A response failed in a way that may pass; it is asked for again after `delay_ms`."""

    attempt: int
    max_attempts: int
    delay_ms: int
    error_message: str


class AutoRetryEnd(_Event, frozen=True, tag="auto_retry_end"):
    """The retries are over: one succeeded, the last failed, or they were cancelled."""

    success: bool
    attempt: int
    final_error: str | UnsetType = UNSET


class CompactionStart(_Event, frozen=True, tag="compaction_start"):
    """The conversation is going to be compacted."""

    reason: CompactionReason


class CompactionResult(Struct, frozen=True, rename="camel"):
    """What a compaction made of the conversation; sizes in tokens, the second one estimated."""

    summary: str
    first_kept_entry_id: str
    tokens_before: int
    estimated_tokens_after: int
    usage: Usage | UnsetType = UNSET
    details: Any = UNSET


class CompactionEnd(_Event, frozen=True, tag="compaction_end"):
    """A compaction is over: done (`result`), stopped (`aborted`), or failed; then nothing has changed.

    `will_retry` says that the request that was too long is made again.
    """

    reason: CompactionReason
    result: CompactionResult | UnsetType = UNSET
    aborted: bool = False
    will_retry: bool = False
    error_message: str | UnsetType = UNSET


class SummarizationRetryScheduled(_Event, frozen=True, tag="summarization_retry_scheduled"):
    """A summary failed in a way that may pass; it is asked for again after `delay_ms`."""

    attempt: int
    max_attempts: int
    delay_ms: int
    error_message: str


class SummarizationRetryAttemptStart(_Event, frozen=True, tag="summarization_retry_attempt_start"):
    """The wait is over, the summary is asked for again; `reason` only where it is a compaction's."""

    source: Literal["compaction", "branchSummary"]
    reason: CompactionReason | UnsetType = UNSET


class SummarizationRetryFinished(_Event, frozen=True, tag="summarization_retry_finished"):
    """No more retries: the summary is there, or it has failed."""


class SessionWarning(_Event, frozen=True, tag="session_warning"):
    """Something that people should know; the session goes on."""

    message: str


class ModelFailover(_Event, frozen=True, tag="model_failover"):
    """Another model answers than before: `choice` is the chosen one, `reason` why it doesn't, or "recovered".

    `until_ms` (since 1970) is when the chosen one is asked again, where that is known.
    """

    choice: str
    before: str
    to: str
    reason: str
    until_ms: int | None = None
    error_message: str | None = None

    @property
    def words(self) -> str:
        """Who answers instead of whom, why and until when, for people."""
        if self.reason == "recovered":
            return f"{self.to} answers again"
        until = ""
        if self.until_ms is not None:
            from datetime import datetime  # slow to import, and this is rare

            until = f" until {datetime.fromtimestamp(self.until_ms / 1000):%H:%M}"
        return f"{self.choice} can't answer ({self.reason.replace('_', ' ')}{until}): {self.to} does"


class CacheMiss(_Event, frozen=True, tag="cache_miss"):
    """A request paid in full for `missed_tokens` of the prompt before it, `missed_cost` USD too much.

    `idle_ms` lie between the two; told only with the setting showCacheMissNotices.
    """

    missed_tokens: int
    missed_cost: float
    idle_ms: int
    model_changed: bool


class EntryAppended(_Event, frozen=True, tag="entry_appended"):
    """The session file has an entry that no message event tells of."""

    entry: Any


class QueueUpdate(_Event, frozen=True, tag="queue_update"):
    """The texts that wait for the running agent."""

    steering: tuple[str, ...]
    follow_up: tuple[str, ...]


class ThinkingLevelChanged(_Event, frozen=True, tag="thinking_level_changed"):
    """The session thinks at another level from the next request on."""

    level: str


class SessionInfoChanged(_Event, frozen=True, tag="session_info_changed"):
    """The session has another name, or none."""

    name: str | None = None


class BashExecutionUpdate(_Event, frozen=True, tag="bash_execution_update"):
    """The user's command prints; `id` is that of the request that began it."""

    delta: str
    id: Any = UNSET


class ExtensionFailed(_Event, frozen=True, tag="extension_error"):
    """An extension did something wrong; the run goes on. `event` says where, such as "tool_call"."""

    extension: str
    event: str
    error: str


class AgentSettled(_Event, frozen=True, tag="agent_settled"):
    """Nothing runs and nothing waits: the session is idle."""


SessionEvent = (
    AgentEvent
    | AutoRetryStart
    | AutoRetryEnd
    | CompactionStart
    | CompactionEnd
    | SummarizationRetryScheduled
    | SummarizationRetryAttemptStart
    | SummarizationRetryFinished
    | ModelFailover
    | SessionWarning
    | CacheMiss
    | EntryAppended
    | QueueUpdate
    | ThinkingLevelChanged
    | SessionInfoChanged
    | BashExecutionUpdate
    | ExtensionFailed
    | AgentSettled
)
