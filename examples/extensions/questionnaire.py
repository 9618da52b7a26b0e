"""A tool by which the model asks the user several questions at once, in one form.

    pi -e examples/extensions/questionnaire.py

The form has a page for each question in the terminal, and is one request for programs that speak RPC. Where
nobody can answer, the model is told to decide by itself.
"""

from dataclasses import dataclass, field
from typing import Annotated, Any

from pi.ext import Ctx, ExtensionAPI, Field, Option, Text, ToolError, ToolResult


@dataclass
class Choice:
    """One of the answers that are offered."""

    label: str
    description: str = ""


@dataclass
class Question:
    """One question; without choices the user writes a text."""

    name: Annotated[str, "One word, to find the answer by"]
    title: str
    choices: list[Choice] = field(default_factory=list[Choice])
    several: Annotated[bool, "Whether more than one choice may be taken"] = False

    def as_field(self) -> Field:
        """The question as a part of a form."""
        options = tuple(Option(choice.label, choice.description) for choice in self.choices)
        kind = "text" if not options else "multi" if self.several else "select"
        return Field(self.name, self.title, kind, options, other=bool(options))


def extension(pi: ExtensionAPI) -> None:
    @pi.tool(execution="sequential", hints=("read_only",))
    async def questionnaire(
        questions: Annotated[list[Question], "One to five questions"], *, ctx: Ctx
    ) -> ToolResult:
        """Ask the user several questions in one form, before work that depends on the answers."""
        names = [question.name for question in questions]
        if not names or len(set(names)) < len(names):
            raise ToolError("Ask at least one question, and give each a name of its own.")
        if not ctx.ui.available:
            raise ToolError("Nobody is there to answer. Decide by yourself and say what you assumed.")
        answers = await ctx.ui.form("The agent asks", [question.as_field() for question in questions])
        if answers is None:
            return ToolResult(
                (Text("The user closed the form. Don't ask again."),), details={"answers": None}
            )
        lines = [f"{name}: {spoken(answers.get(name))}" for name in names]
        return ToolResult((Text("\n".join(lines)),), details={"answers": answers})


def spoken(answer: list[Any] | str | None) -> str:
    """An answer as the model reads it."""
    return ", ".join(map(str, answer)) if isinstance(answer, list) else str(answer or "(no answer)")
