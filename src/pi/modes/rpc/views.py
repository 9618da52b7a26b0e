"""Values as the protocol shows them: models whole, failures of extensions with their file."""

from typing import Any

from msgspec import to_builtins

from pi.harness.events import ExtensionFailed
from pi.harness.session import Session
from pi.llm.models import Model


def model_view(model: Model) -> dict[str, Any]:
    """The complete definition; costs in USD per million tokens."""
    shown: dict[str, Any] = to_builtins(model, enc_hook=str)
    cost: dict[str, Any] = {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0, **shown.get("cost", {})}
    defaults = {
        "name": model.id,
        "reasoning": model.reasoning,
        "input": model.input,
        "contextWindow": model.context_window,
        "maxTokens": model.max_tokens,
    }
    return {**defaults, **shown, "cost": cost}


def failure_view(session: Session, failed: ExtensionFailed) -> dict[str, Any]:
    """An extension's failure: its file and the event, or `command:NAME` and "command"."""
    path, event = failed.extension, failed.event
    if event.startswith("/"):
        path, event = f"command:{event[1:]}", "command"
    elif session.extensions is not None:
        of_name = (e for e in session.extensions.roster.extensions if e.name == failed.extension)
        path = next((str(extension.source.path) for extension in of_name), path)
    return {"type": "extension_error", "extensionPath": path, "event": event, "error": failed.error}
