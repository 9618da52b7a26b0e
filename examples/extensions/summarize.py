"""`/summarize [focus]`: what this conversation came to, for you, out of the model's sight.

    pi -e examples/extensions/summarize.py

It asks the session's model, or the one of the setting `model` (such as "claude-haiku-5-5"). The summary opens
in an editor, where it can be copied; where there is none, it is a notice.
"""

from pi.ext import Ctx, ExtensionAPI, conversation_text

TASK = "Sum up this conversation between a user and a coding agent so that the user can go on next week."
WANTED = "Headings: goal, decisions, done, open questions, next steps. At most 300 words."


def extension(pi: ExtensionAPI) -> None:
    model = pi.setting("model", None, "Who sums up; by default the session's model", type=str)

    @pi.command("summarize")
    async def summarize(args: str, ctx: Ctx) -> None:
        """Sum up the conversation: /summarize [what to look at most]"""
        text = conversation_text(ctx.session.messages)
        if not text:
            ctx.ui.notify("Nothing was said yet.", "warning")
            return
        ctx.ui.notify("Summing up…")
        focus = f"Look at this most: {args}" if args else ""
        prompt = "\n\n".join(filter(None, (TASK, WANTED, focus, f"<conversation>\n{text}\n</conversation>")))
        summary = (await ctx.complete(prompt, model=model.get())).text
        if ctx.ui.available:
            await ctx.ui.editor("Summary", summary)
        else:
            ctx.ui.notify(summary)
