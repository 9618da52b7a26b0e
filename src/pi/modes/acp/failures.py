"""Our errors as those of JSON-RPC: the sentence that says what to do, and a code that editors know."""

from collections.abc import Generator
from contextlib import contextmanager

from acp import RequestError

from pi.harness.models.choice import NoModelError
from pi.harness.queues import SessionBusy
from pi.llm.registry import MissingKeyError
from pi.platform.errors import ConfigError, PiError

AUTH_REQUIRED, NOT_FOUND, BUSY, INVALID, FAILED = -32000, -32002, -32600, -32602, -32603
_HOW_TO_LOG_IN = (
    "Log in with a method that your editor offers, or run in a terminal: pi auth login. "
    "A key in the environment of the editor's agent server counts too, such as ANTHROPIC_API_KEY."
)


@contextmanager
def explained() -> Generator[None]:
    """What goes wrong inside becomes an answer that the editor can show."""
    try:
        yield
    except PiError as error:
        raise refusal(error) from error


def refusal(error: PiError) -> RequestError:
    """The error for the wire."""
    match error:
        case NoModelError() | MissingKeyError():
            return RequestError(AUTH_REQUIRED, f"{error} {_HOW_TO_LOG_IN}")
        case SessionBusy():
            return RequestError(BUSY, str(error))
        case ConfigError():
            return RequestError(INVALID, str(error))
        case _:
            return RequestError(FAILED, str(error))
