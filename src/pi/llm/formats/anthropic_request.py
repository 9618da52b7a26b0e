"""One request of Anthropic Messages, and in which other way it is made when the server refuses it."""

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from pi.llm.draft import Draft
from pi.llm.errors import ProviderError
from pi.llm.formats.anthropic_blocks import answer_blocks
from pi.llm.formats.anthropic_compat import compat_of, takes_threads
from pi.llm.formats.anthropic_payload import build_headers, build_payload, told_effort
from pi.llm.messages import AssistantMessage, Context
from pi.llm.options import StreamOptions
from pi.llm.transcript import prepare

if TYPE_CHECKING:
    from pi.llm.formats.anthropic_threads import Thread

# The server compiles strict schemas to a grammar, which can become too large.
_TOO_STRICT = (
    "The compiled grammar is too large",
    "Too many strict tools (",
    "Schemas contains too many parameters with union types (",
)
_REMEMBERED = 1_000
_too_strict_for: dict[str, None] = {}  # sessions whose tools the server didn't take so strictly


class Request:
    """What a draft asks; after a refusal that can be mended, `mend` makes it another request."""

    def __init__(self, draft: Draft, context: Context, options: StreamOptions):
        self._draft = draft
        self._context = context
        self._given = options
        self._loose = options.session_id in _too_strict_for
        self._thread = _thread(draft, options)
        self._payload: dict[str, Any] = {}
        draft.provider_thinking_level = told_effort(draft.model, options)

    @property
    def options(self) -> StreamOptions:
        """How to send it: with a thread, the payload's hook has been called already."""
        return replace(self._given, on_payload=None) if self._thread else self._given

    def headers(self) -> dict[str, str]:
        """The headers; raises ProviderError when there is no key."""
        return build_headers(self._draft.model, self._context, self._given, threads=self._thread is not None)

    async def body(self) -> dict[str, Any]:
        """The body; raises ConfigError when a tool can't be held to its schema but must be."""
        payload = build_payload(self._draft.model, self._context, self._given, loose=self._loose)
        if self._thread is None:
            self._payload = payload
            return payload
        hook = self._given.on_payload
        if hook and (replaced := await hook(payload)) is not None:
            payload = replaced
        self._payload = payload
        return self._thread.shorten(payload)

    def mend(self, refusal: ProviderError) -> bool:
        """Whether the request is worth being sent again: it is another one then."""
        return self._loosen(refusal) or self._restart(refusal)

    def keep(self) -> None:
        """The answer is complete: a next request may go on from it."""
        draft = self._draft
        if self._thread is None or draft.response_id is None or draft.response_model is not None:
            return
        [said, *_] = prepare(draft.model, Context((draft.freeze(draft.stop_reason),))).messages or [None]
        blocks = answer_blocks(said, compat_of(draft.model)) if isinstance(said, AssistantMessage) else []
        if blocks:
            self._thread.keep(self._payload, blocks, draft.response_id)

    def _loosen(self, refusal: ProviderError) -> bool:
        text = str(refusal)
        if self._loose or refusal.status != 400 or not any(told in text for told in _TOO_STRICT):
            return False
        self._loose = True
        if self._given.session_id is not None:
            _too_strict_for[self._given.session_id] = None
            if len(_too_strict_for) > _REMEMBERED:
                del _too_strict_for[next(iter(_too_strict_for))]
        self._draft.note("anthropic_strict_tools_fallback", {"reason": "strict_tool_limits_exceeded"}, text)
        return True

    def _restart(self, refusal: ProviderError) -> bool:
        if self._thread is None:
            return False
        from pi.llm.formats.anthropic_threads import broken_by

        text, code = str(refusal), broken_by(str(refusal))
        if code is None and not (refusal.status == 400 and "thread" in text):
            return False
        if code is None or not self._thread.goes_on:
            self._thread.drop()
            self._thread = None
        self._draft.note("anthropic_thread_fallback", {"reason": code or str(refusal.status)}, text)
        return True


def _thread(draft: Draft, options: StreamOptions) -> "Thread | None":
    if not options.session_id or options.cache_retention == "none" or not options.continues:
        return None
    if not takes_threads(draft.model, compat_of(draft.model)):
        return None
    from pi.llm.formats.anthropic_threads import Thread

    thread = Thread(draft.model, options.session_id)
    return thread if thread.is_used else None
