"""From a preparation to the summary: one of the history, one of a turn's beginning, the files at the end."""

from pi.harness.compaction.extension import CompactionPreparation, OwnCompaction
from pi.harness.compaction.prompts import history_prompt, turn_prefix_prompt
from pi.harness.compaction.serialize import serialize
from pi.harness.compaction.summary import Ask, Summary, SummaryRequest, summary_limit
from pi.llm.cost import total_usage
from pi.llm.messages import Usage
from pi.llm.models import Model

HISTORY_SHARE = 0.8  # of the reserved tokens
PREFIX_SHARE = 0.5


async def summarize(preparation: CompactionPreparation, model: Model, ask: Ask) -> OwnCompaction:
    """Pi's own compaction. Raises what `ask` raises.

    The requests go one after the other: some servers answer only one at a time.
    """
    history = prefix = None
    if preparation.messages_to_summarize:
        history = await ask(_history(preparation, model))
    if preparation.turn_prefix_messages:
        prefix = await ask(_prefix(preparation, model))
    summary = history.text if history else preparation.previous_summary or "No prior history."
    if prefix:
        summary += f"\n\n---\n\n**Turn Context (split turn):**\n\n{prefix.text}"
    return OwnCompaction(
        summary + preparation.files.tags,
        preparation.first_kept_entry_id,
        preparation.tokens_before,
        preparation.files.details,
        _usage(history, prefix),
    )


def _history(preparation: CompactionPreparation, model: Model) -> SummaryRequest:
    prompt = history_prompt(
        serialize(preparation.messages_to_summarize),
        preparation.previous_summary,
        preparation.custom_instructions,
    )
    return SummaryRequest("Summarization", prompt, _limit(preparation, model, HISTORY_SHARE))


def _prefix(preparation: CompactionPreparation, model: Model) -> SummaryRequest:
    prompt = turn_prefix_prompt(serialize(preparation.turn_prefix_messages), preparation.custom_instructions)
    return SummaryRequest("Turn prefix summarization", prompt, _limit(preparation, model, PREFIX_SHARE))


def _limit(preparation: CompactionPreparation, model: Model, share: float) -> int:
    return summary_limit(model, int(share * preparation.settings.reserve_tokens))


def _usage(history: Summary | None, prefix: Summary | None) -> Usage | None:
    if history and prefix:
        return total_usage(history.usage, prefix.usage)
    made = history or prefix
    return made.usage if made else None
