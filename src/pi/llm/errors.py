"""What can go wrong between us and a provider.

PiError
└── ProviderError      the request failed: status and body where there was an answer
    ├── TransportError     no answer or half of one: refused, reset, timed out
    └── ProtocolError      an answer that doesn't follow its protocol
"""

from pi.platform.errors import PiError


class ProviderError(PiError):
    """A request that failed; `str(error)` becomes the message's `errorMessage`."""

    def __init__(self, text: str, *, status: int | None = None, retry_after_ms: int | None = None):
        super().__init__(text)
        self.status = status
        self.retry_after_ms = retry_after_ms  # what the server asked for, None when it said nothing


class TransportError(ProviderError):
    """The connection failed before or during the answer."""


class ProtocolError(ProviderError):
    """The answer isn't what its protocol promises."""
