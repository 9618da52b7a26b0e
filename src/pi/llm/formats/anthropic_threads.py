"""Message threads of Anthropic's API: a request sends what is new since the answer that it goes on from."""

import re
from typing import Any

from msgspec import Struct

from pi.llm.http import encode_body
from pi.llm.models import Model

Payload = dict[str, Any]

_MARKER = re.compile(rb',"cache_control":\{[^{}]*\}')  # moves on with each request: no part of what was said
_SETTINGS = ("model", "system", "tools", "thinking", "output_config", "tool_choice", "fallbacks")
_KEPT_BY_SERVER = ("system", "tools")
_SESSIONS = 1_000  # that are remembered at most
# What the server says when it can't go on from an answer, but can from the whole conversation.
_BROKEN = (
    "thread_not_found",
    "thread_already_continued",
    "thread_continue_in_flight",
    "thread_fingerprint_mismatch",
)


class _Answered(Struct, frozen=True):
    """What the server knows: so many messages, with this hash, up to the answer with this id."""

    count: int
    hash: int
    answer_id: str


_sessions: dict[str, _Answered | None] = {}  # None: here the endpoint doesn't take threads


class Thread:
    """The thread of one session, as one request goes on with it; `goes_on` says if its last body did."""

    def __init__(self, model: Model, session_id: str):
        self.goes_on = False
        self._place = f"{model.provider} {model.base_url}"
        self._session_id = session_id

    @property
    def is_used(self) -> bool:
        return _sessions.get(self._session_id, True) is not None

    def shorten(self, payload: Payload) -> Payload:
        """The body to send: what is new, when the conversation has only grown, else all of it."""
        last = _sessions.pop(self._session_id, None)  # one request alone can go on from an answer
        self.goes_on = last is not None and self._has_grown(payload, last)
        if last is None or not self.goes_on:
            return payload | {"thread": {"type": "create"}}
        rest = {name: value for name, value in payload.items() if name not in _KEPT_BY_SERVER}
        thread = {"type": "continue", "previous_message_id": last.answer_id}
        return rest | {"messages": payload["messages"][last.count :], "thread": thread}

    def keep(self, payload: Payload, answer: list[Any], answer_id: str) -> None:
        """Remember that a body was answered, and with which blocks."""
        messages = [*payload["messages"], {"role": "assistant", "content": answer}]
        answered = _Answered(len(messages), self._hash(payload, messages), answer_id)
        _remember(self._session_id, answered)

    def drop(self) -> None:
        """Send whole requests in this session from now on."""
        _remember(self._session_id, None)

    def _has_grown(self, payload: Payload, last: _Answered) -> bool:
        messages = payload["messages"]
        return len(messages) > last.count and self._hash(payload, messages[: last.count]) == last.hash

    def _hash(self, payload: Payload, messages: list[Any]) -> int:
        settings = [payload.get(name) for name in _SETTINGS]
        return hash(_MARKER.sub(b"", encode_body([self._place, settings, list(map(_in_blocks, messages))])))


def broken_by(error: str) -> str | None:
    """The code by which an error says that this thread can't be gone on with; None when it doesn't."""
    return next((code for code in _BROKEN if f'"{code}"' in error), None)


def _in_blocks(message: Any) -> Any:
    """Where a message gets the cache marker its text becomes a block: both say the same."""
    if isinstance(message["content"], str):
        return message | {"content": [{"type": "text", "text": message["content"]}]}
    return message


def _remember(session_id: str, answered: _Answered | None) -> None:
    _sessions.pop(session_id, None)
    _sessions[session_id] = answered
    if len(_sessions) > _SESSIONS:
        del _sessions[next(iter(_sessions))]
