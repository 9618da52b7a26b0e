"""How one request is to be made: key, headers, limits, thinking, caching and hooks."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

from msgspec import Struct

from pi.llm.auth import Credentials
from pi.llm.messages import CacheRetention, ThinkingLevel

Transport = Literal["auto", "sse", "websocket", "websocket-cached"]
PayloadHook = Callable[[dict[str, Any]], Awaitable[dict[str, Any] | None]]
ResponseHook = Callable[[int, dict[str, str]], Awaitable[None]]
StreamEventHook = Callable[[Any], Awaitable[None]]
HeadersHook = Callable[[dict[str, str]], Awaitable[dict[str, str]]]


class StreamOptions(Struct, frozen=True):
    """Options of one request; times in ms, limits in tokens.

    `on_payload` sees the body before it is sent and may replace it, `on_headers` likewise the headers;
    `on_response` sees status and headers, `on_stream_event` each event of the stream, decoded.
    `base_url`, where the login knows it, beats the model's; `env` is the environment as the model's provider
    sees it (None: the process's).
    """

    api_key: str | None = None
    headers: dict[str, str] | None = None
    base_url: str | None = None
    env: Mapping[str, str] | None = None
    renew: Callable[[], Awaitable[Credentials]] | None = (
        None  # once, when the provider refuses the login (401)
    )
    thinking: ThinkingLevel = "off"
    thinking_budgets: dict[str, int] | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    sampling_params: dict[str, Any] | None = None
    tool_choice: Literal["auto", "none"] | None = None
    cache_retention: CacheRetention = "short"
    session_id: str | None = None
    continues: bool = True  # may go on from what the provider keeps of the session, and leave it the answer
    idle_timeout_ms: int = 300_000  # of headers and of each piece of the body; 0 turns it off
    max_retries: int = 0  # retries inside the provider layer, before the stream starts
    max_retry_delay_ms: int = 60_000
    transport: Transport = "auto"  # for protocols that have several
    connect_timeout_ms: int = 15_000  # of a WebSocket; 0 turns it off
    proxy: str | None = None  # beats HTTP_PROXY and HTTPS_PROXY
    on_payload: PayloadHook | None = None
    on_headers: HeadersHook | None = None
    on_response: ResponseHook | None = None
    on_stream_event: StreamEventHook | None = None
