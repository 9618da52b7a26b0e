"""The picker for /fork: what the user said on the active branch, the latest selected."""

from collections.abc import Sequence

from pi.harness.storage.entries import MessageEntry
from pi.harness.storage.store import Store
from pi.llm.messages import UserMessage, content_text
from pi.modes.tui.keys.keymap import Keymap
from pi.modes.tui.lines import clean
from pi.modes.tui.panels.picker import Picker, Row

_SHOWN = 400  # characters of a message


def user_messages(store: Store) -> list[tuple[str, str]]:
    """Id and text of what the user said on the branch of the leaf, oldest first."""
    return [
        (entry.id, text)
        for entry in store.branch("message")
        if isinstance(entry, MessageEntry)
        and isinstance(entry.message, UserMessage)
        and (text := content_text(entry.message.content))
    ]


def user_message_picker(keymap: Keymap, messages: Sequence[tuple[str, str]]) -> Picker:
    """Ends with a row whose id is that of the message's entry."""
    rows = [_row(id, text, number, len(messages)) for number, (id, text) in enumerate(messages, 1)]
    return Picker(
        keymap,
        "Fork from a message",
        rows,
        selected=rows[-1].id if rows else None,
        note="A new session takes over all that was said before it; its text goes into the editor.",
        hints=(("tui.select.confirm", "fork"),),
    )


def _row(id: str, text: str, number: int, of: int) -> Row:
    label = clean(" ".join(text[: 2 * _SHOWN].split()))[:_SHOWN]
    return Row(id, label, description=f"Message {number} of {of}", search=text[:4000])
