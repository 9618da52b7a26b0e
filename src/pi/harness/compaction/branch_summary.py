"""What happened on a branch that the user leaves, as a summary for the branch that they go on with."""

from collections.abc import Sequence

from msgspec import Struct

from pi.harness.compaction.estimate import estimate
from pi.harness.compaction.files import FileLists, file_lists
from pi.harness.compaction.prompts import BRANCH, branch_prompt, focused
from pi.harness.compaction.serialize import serialize
from pi.harness.compaction.summary import Ask, SummaryRequest, summary_limit
from pi.harness.context import edited
from pi.harness.storage.entries import AgentMessage, BranchSummary, CompactionEntry, Entry
from pi.harness.storage.store import Store
from pi.llm.messages import SystemMessage, ToolResultMessage, Usage
from pi.llm.models import Model

PREAMBLE = """\
The user explored a different conversation branch before returning here.
Summary of that exploration:

"""
MAX_TOKENS = 4_096  # of the summary
USUAL_WINDOW = 128_000  # of a model that doesn't say
FULL = 0.9  # of the budget: with less, an older summary is worth going over it


class BranchNote(Struct, frozen=True):
    """The text of a branch summary entry, its cost, and the files that the branch read and changed."""

    summary: str
    files: FileLists = FileLists()
    usage: Usage | None = None


def abandoned_entries(store: Store, target_id: str | None) -> tuple[list[Entry], str | None]:
    """What going to `target_id` leaves behind, oldest first, and the last entry that both branches share."""
    shared: set[str] = set()
    target = store.get(target_id or "")
    while target is not None and target.id not in shared:
        shared.add(target.id)
        target = store.get(target.parent_id or "")
    left: list[Entry] = []
    for entry in store.newest_first():
        if entry.id in shared:
            return left[::-1], entry.id
        left.append(entry)
    return left[::-1], None


async def summarize_branch(
    entries: Sequence[Entry],
    model: Model,
    ask: Ask,
    *,
    reserve_tokens: int,
    instructions: str | None = None,
    replace_instructions: bool = False,
) -> BranchNote:
    """Sum up `entries` (oldest first), the newest of them as far as window less `reserve_tokens` goes.

    `instructions` say what to look at, or with `replace_instructions` are all that is asked for. Raises what
    `ask` raises.
    """
    messages = _newest(entries, (model.context_window or USUAL_WINDOW) - reserve_tokens)
    if not messages:
        return BranchNote("No content to summarize")
    task = instructions if instructions and replace_instructions else focused(BRANCH, instructions)
    prompt = branch_prompt(serialize(messages), task)
    limit = summary_limit(model, MAX_TOKENS)
    made = await ask(SummaryRequest("Branch summarization", prompt, limit, thinking=False))
    files = file_lists(messages, [entry for entry in entries if isinstance(entry, BranchSummary)])
    return BranchNote(PREAMBLE + made.text + files.tags, files, made.usage)


def _newest(entries: Sequence[Entry], budget: int) -> list[AgentMessage]:
    """As many of the latest messages as fit; tools' results are left out, their calls say what was done."""
    taken: list[AgentMessage] = []
    total = 0
    for entry, messages in reversed(edited(entries)):
        for message in messages:
            if isinstance(message, ToolResultMessage | SystemMessage):
                continue
            tokens = estimate(message)
            if 0 < budget < total + tokens:
                if isinstance(entry, CompactionEntry | BranchSummary) and total < budget * FULL:
                    taken.append(message)
                return taken[::-1]
            taken.append(message)
            total += tokens
    return taken[::-1]
