"""Values as the protocol shows them: models whole, failures with their file, trees as nests."""

from typing import Any

from msgspec import Raw, to_builtins

from pi.harness.events import ExtensionFailed
from pi.harness.framing import encode
from pi.harness.session import Session
from pi.harness.storage.entries import encode_entry
from pi.harness.storage.store import TreeNode
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


def nested(roots: list[TreeNode]) -> Raw:
    """Nodes with their children inside; without recursion, for a session is as deep as it is long."""
    pieces: list[bytes] = []
    waiting: list[TreeNode | bytes] = [b"]", *_with_commas(roots), b"["]
    while waiting:
        item = waiting.pop()
        if isinstance(item, bytes):
            pieces.append(item)
            continue
        pieces += (b'{"entry":', encode_entry(item.entry), b',"children":[')
        waiting += (b"]" + _label(item) + b"}", *_with_commas(item.children))
    return Raw(b"".join(pieces))


def _with_commas(nodes: list[TreeNode]) -> list[TreeNode | bytes]:
    """The nodes in the order in which they come off a stack."""
    separated: list[TreeNode | bytes] = []
    for node in reversed(nodes):
        separated += (node, b",")
    return separated[:-1]


def _label(node: TreeNode) -> bytes:
    if node.label is None:
        return b""
    fields = {"label": node.label.label, "labelTimestamp": node.label.timestamp}
    return b"," + encode(fields).strip()[1:-1]
