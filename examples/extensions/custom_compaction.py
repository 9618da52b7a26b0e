"""Compaction by another model: the one of the setting `model` sums up, which may be fast and cheap.

    pi -e examples/extensions/custom_compaction.py

    {"extensionSettings": {"custom_compaction": {"model": "google/gemini-2.5-flash"}}}

It sums up everything before the cut in one go, and what Pi would keep stays. When the model can't be used,
fails or says nothing, Pi writes the summary itself, as without this extension.
"""

from pi.ext import CompactionPreparation, Ctx, ExtensionAPI, OwnCompaction, PiError, conversation_text

TASK = """\
Sum up this conversation between a user and a coding agent. The agent goes on with your summary alone, so it
must hold all that matters: goal, decisions and their reasons, what was changed and where (paths, names), how
things stand, open questions, next steps. Use Markdown with a heading for each."""


def extension(pi: ExtensionAPI) -> None:
    model = pi.setting("model", "", "Who sums up, such as google/gemini-2.5-flash")

    @pi.on("session_before_compact", limit=300)
    async def compact(event: CompactionPreparation, ctx: Ctx) -> OwnCompaction | None:
        if not model.get():
            return None
        try:
            answer = await ctx.complete(prompt(event), model=model.get(), max_tokens=8192)
        except PiError as error:
            ctx.ui.notify(f"{model.get()} couldn't sum up, so the session's model does: {error}", "warning")
            return None
        if answer.stop_reason != "stop" or not answer.text.strip():
            return None
        summary = answer.text + event.files.tags
        return OwnCompaction(summary, event.first_kept_entry_id, details=event.files.details)


def prompt(event: CompactionPreparation) -> str:
    said = conversation_text((*event.messages_to_summarize, *event.turn_prefix_messages))
    parts = [TASK, event.custom_instructions and f"Look at this most: {event.custom_instructions}"]
    if event.previous_summary:
        parts.append(f"<earlier_summary>\n{event.previous_summary}\n</earlier_summary>")
    return "\n\n".join(part for part in (*parts, f"<conversation>\n{said}\n</conversation>") if part)
