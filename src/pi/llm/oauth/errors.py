"""What goes wrong in a login, told without a token or a code in it."""

from pi.llm.errors import ProviderError

_NEXT = {
    "access_denied": "Start the login again and allow the access.",
    "authorization_pending": "Open the page that was shown and allow the access.",
    "expired_token": "The code on the page has expired: start the login again.",
    "insufficient_scope": "Log in again and allow what is asked for.",
    "invalid_client": "Check the client id and the client secret.",
    "invalid_grant": "Log in again.",
    "invalid_scope": "Check the scopes that are asked for.",
    "invalid_token": "Log in again.",
    "login_required": "Log in first.",
    "login_timeout": "Start the login again.",
    "server_error": "Try again later.",
    "temporarily_unavailable": "Try again later.",
    "unauthorized_client": "Check the client id: this way to log in isn't open to it.",
}


class OAuthError(ProviderError):
    """A refusal, by its `code`: one of RFC 6749 and 8628, or ours, `login_required` and `login_timeout`.

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
        return self.code in ("invalid_grant", "invalid_token", "login_required")
