"""A todo list of the model's, which you can watch: the tool `todo` and the command `/todos`.

    pi -e examples/extensions/todo.py

The list is state of the session's branch: go back in the tree and you see it as it was there, resume and it
is still there.
"""

from dataclasses import asdict, dataclass, replace
from typing import Annotated, Literal

from pi.ext import Ctx, Effects, ExtensionAPI, Text, ToolError, ToolResult


@dataclass(frozen=True)
class Todo:
    id: int
    text: str
    done: bool = False


def extension(pi: ExtensionAPI) -> None:
    todos = pi.state("todos", [], type=list[Todo])

    @pi.tool(snippet="Keep a list of what is to do", effects=lambda arguments, cwd: Effects())
    async def todo(
        action: Annotated[Literal["list", "add", "toggle", "clear"], "What to do with the list"],
        text: Annotated[str, "For add: one step, in a few words"] = "",
        id: Annotated[int, "For toggle: the number of the step that is done, or isn't after all"] = 0,
        *,
        ctx: Ctx,
    ) -> ToolResult:
        """Keep a list of what is to do in long work: add each step, toggle it when it is done."""
        items = changed(todos.get(ctx), action, text.strip(), id)
        if action != "list":
            todos.set(ctx, items)
            ctx.ui.status(f"{sum(item.done for item in items)}/{len(items)} done" if items else None)
        return ToolResult((Text(as_text(items)),), details={"todos": [asdict(item) for item in items]})

    @pi.render("tool", "todo")
    def show(result: ToolResult, ctx: Ctx) -> list[str] | None:
        if not isinstance(result.details, dict):  # a failed call
            return None
        return as_text([Todo(**item) for item in result.details["todos"]]).splitlines()

    @pi.command("todos")
    def show_all(args: str, ctx: Ctx) -> None:
        """Show the todo list of this branch"""
        ctx.ui.notify(as_text(todos.get(ctx)))


def changed(items: list[Todo], action: str, text: str, id: int) -> list[Todo]:
    match action:
        case "add" if not text:
            raise ToolError("Say in `text` what is to do.")
        case "add":
            return [*items, Todo(max((item.id for item in items), default=0) + 1, text)]
        case "toggle" if all(item.id != id for item in items):
            raise ToolError(f"There is no todo {id}. There are:\n{as_text(items)}")
        case "toggle":
            return [replace(item, done=not item.done) if item.id == id else item for item in items]
        case "clear":
            return []
        case _:
            return items


def as_text(items: list[Todo]) -> str:
    lines = [f"{'☑' if item.done else '☐'} {item.id}. {item.text}" for item in items]
    return "\n".join(lines) or "Nothing is to do."
