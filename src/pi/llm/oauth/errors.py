"""What goes wrong in a login, told without a token or a code in it."""

from collections.abc import Generator
from contextlib import contextmanager

from pi.llm.errors import ProviderError

# What servers say of a login that is over; all but the first two are no standard's, yet common.
_OVER = (
    "invalid_grant",
    "invalid_token",
    "app_session_terminated",
    "bad_refresh_token",
    "invalid_refresh_token",
    "login_required",
    "refresh_token_expired",
    "refresh_token_invalidated",
    "refresh_token_reused",
    "refresh_token_revoked",
    "session_expired",
    "token_expired",
    "token_invalidated",
    "token_revoked",
)
_NEXT = dict.fromkeys(_OVER, "Log in again.") | {
    "access_denied": "Start the login again and allow the access.",
    "authorization_denied": "Start the login again and allow the access.",
    "authorization_pending": "Open the page that was shown and allow the access.",
    "expired_token": "The code on the page has expired: start the login again.",
    "insufficient_scope": "Log in again and allow what is asked for.",
    "invalid_client": "Check the client id and the client secret.",
    "invalid_scope": "Check the scopes that are asked for.",
    "login_cancelled": "Nothing was stored.",
    "login_required": "Log in first.",
    "login_timeout": "Start the login again.",
    "server_error": "Try again later.",
    "temporarily_unavailable": "Try again later.",
    "unauthorized_client": "Check the client id: this way to log in isn't open to it.",
}


class OAuthError(ProviderError):
    """A refusal, by its `code`: a standard's (RFC 6749, RFC 8628), a server's own, or one of ours:
    `login_cancelled`, `login_required` and `login_timeout`.

    `interval_s` is the pause that a server asks for with `slow_down`.
    """

    def __init__(
        self,
        code: str,
        description: str | None = None,
        *,
        status: int | None = None,
        interval_s: float | None = None,
    ):
        reason = (description or "").strip().rstrip(".")
        told = f"{reason} ({code})." if reason else f"The login failed: {code}."
        super().__init__(f"{told} {_NEXT.get(code, '')}".rstrip(), status=status)
        self.code = code
        self.description = description
        self.interval_s = interval_s

    @property
    def needs_login(self) -> bool:
        """Whether only a new login helps."""
        return self.code in _OVER


@contextmanager
def ends_login(*statuses: int) -> Generator[None]:
    """A refusal with one of these statuses means that only a new login helps, whatever its words are.

    An unknown client is not meant: the login may be fine.
    """
    try:
        yield
    except ProviderError as error:
        code = error.code if isinstance(error, OAuthError) else ""
        if error.status not in statuses or code in (*_OVER, "invalid_client", "unauthorized_client"):
            raise
        raise OAuthError("invalid_grant", "The login is no longer valid", status=error.status) from error
