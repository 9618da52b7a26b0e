"""Where to cut a conversation: what comes before is summarised, what comes after stays as it was said."""

from collections.abc import Sequence

from msgspec import Struct

from pi.harness.compaction.estimate import estimate_all
from pi.harness.context import Projected, entry_messages
from pi.harness.storage.entries import (
    AgentMessage,
    CompactionEntry,
    ContextEdit,
    MessageEntry,
)
from pi.llm.messages import AssistantMessage, SystemMessage, ToolResultMessage


class Cut(Struct, frozen=True):
    """Indices: the first entry that stays, and where the user's turn began that the cut goes through."""

    first_kept: int
    turn_start: int | None = None


def find_cut(entries: Sequence[Projected], keep_tokens: int) -> Cut | None:
    """The newest cut that keeps about `keep_tokens`, None where nothing can be cut.

    What is kept begins with a message of the user or a model, never with a tool's result: where the budget
    is reached inside results, the next such message begins it, or the last one there is. Entries just before
    it that the model doesn't see stay too, and then it counts as a cut inside the turn, as in the original.
    """
    points = [index for index, (_, messages) in enumerate(entries) if any(map(_can_begin, messages))]
    if not points:
        return None
    reached = _reaching(entries, keep_tokens)
    at = points[0] if reached is None else next((p for p in points if p >= reached), points[-1])
    if reached is not None and _only_a_failure_follows(entries, at):
        at += 1
    while at and not _sees(entries[at - 1]) and not isinstance(entries[at - 1][0], CompactionEntry):
        at -= 1
    if _begins_turn(entries[at]):
        return Cut(at)
    return Cut(at, next((i for i in range(at, -1, -1) if _begins_turn(entries[i])), None))


def _reaching(entries: Sequence[Projected], keep_tokens: int) -> int | None:
    """The entry from which on at least `keep_tokens` follow; None when all of them are fewer."""
    total = 0
    for index in range(len(entries) - 1, -1, -1):
        tokens = estimate_all(entries[index][1])
        total += tokens
        if tokens and total >= keep_tokens:
            return index
    return None


def _only_a_failure_follows(entries: Sequence[Projected], at: int) -> bool:
    """Whether after this entry come only attempts that were hidden again, and what hides them.

    Then the entry itself is what was too long: it goes into the summary, and the hidden attempts are kept,
    with the edits that hide them. An edit that changed other content keeps it: the attempt answered the old.
    """
    rest = entries[at + 1 :]
    hidden = {entry.id for entry, messages in rest if not messages and entry_messages(entry)}
    for entry, messages in rest:
        if messages or isinstance(entry, CompactionEntry):
            return False
        if isinstance(entry, ContextEdit) and entry.replacement is not None and entry.target_id not in hidden:
            return False
    return any(_is_answer(entry) and entry.id in hidden for entry, _ in rest)


def _is_answer(entry: object) -> bool:
    return isinstance(entry, MessageEntry) and isinstance(entry.message, AssistantMessage)


def _sees(projected: Projected) -> bool:
    return bool(projected[1])


def _can_begin(message: AgentMessage) -> bool:
    return not isinstance(message, ToolResultMessage | SystemMessage)


def _begins_turn(projected: Projected) -> bool:
    return any(_can_begin(message) and not isinstance(message, AssistantMessage) for message in projected[1])
