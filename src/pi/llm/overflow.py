"""Whether a message failed, or was cut short, because the conversation fills the model's window."""

import re
from functools import cache

from pi.llm.messages import AssistantMessage

# What providers say, as far as we know them; a new one is a new line.
_OVERFLOW = (
    r"prompt (?:is )?too long",  # Anthropic, z.ai
    r"prompt exceeds max length",
    r"request_too_large",  # Anthropic, by bytes
    r"input is too long for requested model",  # Bedrock
    r"exceeds the context window",  # OpenAI
    r"exceeds (?:the )?(?:model'?s )?maximum context length(?: of [\d,]+ tokens?|\s*\([\d,]+\))",  # LiteLLM
    r"context window exceeded",
    r"input token count.*exceeds the maximum",  # Google
    r"maximum prompt length is \d+",  # xAI
    r"reduce the length of the messages",  # Groq
    r"maximum context length is \d+ tokens",  # OpenRouter
    r"exceeds (?:the )?maximum allowed input length of [\d,]+ tokens?",  # Poolside
    r"input \(\d+ tokens\) is longer than the model'?s context length \(\d+ tokens\)",  # Together
    r"exceeds the limit of \d+",  # GitHub Copilot
    r"exceeds the available context size",  # llama.cpp
    r"greater than the context length",  # LM Studio
    r"context window exceeds limit",  # MiniMax
    r"exceeded model token limit",  # Kimi
    r"too large for model with \d+ maximum context length",  # Mistral
    r"prompt has [\d,]+ tokens?, but the configured context size is [\d,]+ tokens?",  # DS4
    r"model_context_window_exceeded",  # z.ai, as a stop reason
    r"prompt too long; exceeded (?:max )?context length",  # Ollama
    r"range of input length should be",  # DashScope
    r"context[_ ]length[_ ]exceeded",
    r"too many tokens",
    r"token limit exceeded",
    r"^(?:[\w -]+ API error \(413\):|413(?:\s|:|\Z))",  # whatever else the server says
)
_NOT_OVERFLOW = (  # throttling also speaks of too many tokens
    r"^(?:Throttling error|Service unavailable):",
    r"rate limit",
    r"too many requests",
)
_EMPTY_BODY = (r"^4(?:00|13)\s*(?:status code)?\s*\(no body\)",)
_SAYS_NOTHING = frozenset({"cerebras"})  # providers that answer an overflow with an empty body
_FULL = 0.99  # of the window: some servers cut the input to fit and have no room left to answer


def is_overflow(message: AssistantMessage, context_window: int) -> bool:
    """True if this request didn't fit the model's window (tokens; 0 when it isn't known).

    Errors tell by their text; some providers accept too much silently (more input than the window) or cut
    it to fit and stop at once for length.
    """
    used = message.usage.input + message.usage.cache_read
    match message.stop_reason:
        case "error":
            return _says_overflow(message.error_message or "", message.provider)
        case "stop":
            return 0 < context_window < used
        case "length":
            return context_window > 0 and message.usage.output == 0 and used >= context_window * _FULL
        case _:
            return False


def is_recoverable_length(message: AssistantMessage, max_output: int) -> bool:
    """True if a message stopped for length before its limit of `max_output` tokens (0: not known).

    The window was full, or the provider cut it: one try with a shorter context is worth making.
    """
    return message.stop_reason == "length" and message.usage.output < max_output


def _says_overflow(text: str, provider: str) -> bool:
    if _pattern(_NOT_OVERFLOW).search(text):
        return False
    if _pattern(_OVERFLOW).search(text):
        return True
    return provider in _SAYS_NOTHING and _pattern(_EMPTY_BODY).search(text) is not None


@cache
def _pattern(alternatives: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(alternatives), re.IGNORECASE | re.ASCII)
