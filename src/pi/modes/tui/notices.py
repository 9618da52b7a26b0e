"""What events that are no messages say to people."""

from typing import Any

from pi.harness.events import CacheMiss, ExtensionFailed, ModelFailover, SessionWarning
from pi.harness.ui import NoticeKind


def notice_of(event: Any) -> tuple[str, NoticeKind]:
    """The text and its kind."""
    match event:
        case ModelFailover(reason=reason, words=words):
            return f"{words}.", "info" if reason == "recovered" else "warning"
        case CacheMiss(missed_tokens=tokens, missed_cost=cost, idle_ms=idle, model_changed=changed):
            why = "another model" if changed else f"after {idle / 60_000:.0f} min"
            return f"Cache miss ({why}): {tokens:,} tokens were paid in full, ${cost:.3f} more.", "info"
        case SessionWarning(message=message):
            return message, "warning"
        case ExtensionFailed(extension=extension, event=where, error=error):
            who = f'Extension "{extension}"' if extension else "An extension"
            return f"{who} ({where}): {error}", "error"
        case _:
            return str(event), "info"
