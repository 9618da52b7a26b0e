"""What a session says beyond its loop: retries, queues, changes of settings, and that all is done."""

from typing import Any

from msgspec import UNSET, Struct, UnsetType

from pi.agent.events import AgentEvent


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
    | EntryAppended
    | QueueUpdate
    | ThinkingLevelChanged
    | SessionInfoChanged
    | ExtensionFailed
    | AgentSettled
)
