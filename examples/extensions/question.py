"""A tool by which the model asks the user one question and offers answers.

    pi -e examples/extensions/question.py

The user picks an answer or writes another one. Where nobody can answer, the model is
told to decide by itself.
"""

from typing import Annotated

from pi.ext import Ctx, ExtensionAPI, Text, ToolError, ToolResult

OTHER = "Something else…"


def extension(pi: ExtensionAPI) -> None:
    @pi.tool(execution="sequential", hints=("read_only",))
    async def question(
        question: Annotated[str, "One question, ending with a question mark"],
        options: Annotated[list[str], "Two to five short answers, the best one first"],
        *,
        ctx: Ctx,
    ) -> ToolResult:
        """Ask the user to choose. Only for what you can't find out, and what is costly to get wrong."""
        if not ctx.ui.available:
            raise ToolError("Nobody is there to answer. Decide by yourself and say what you assumed.")
        answer = await ctx.ui.select(question, [*options, OTHER])
        own = answer == OTHER
        if own:
            answer = await ctx.ui.input(question)
        details = {"question": question, "options": options, "answer": answer or None, "own_words": own}
        if not answer:
            text = "The user closed the question without an answer. Don't ask it again."
        else:
            text = f"The user {'wrote' if own else 'chose'}: {answer}"
        return ToolResult((Text(text),), details=details)
