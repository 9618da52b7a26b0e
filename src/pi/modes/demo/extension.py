"""The second demo: the model writes a tool of its own, checks it, loads it and uses it, in one session."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pi.llm.messages import ToolResultMessage, content_text
from pi.modes.demo.stage import show, show_event, with_text
from pi.testing import Asked, Reply, ScriptedModel, call

PROMPT = "Count the words of notes.txt with a tool of your own."
NOTES = "The heron waits by the mill.\nThe mill waits for the river.\n"
FILE = "count_words.py"
TOOL = '''"""Gives the model a tool that counts words."""

from typing import Annotated

from pi.ext import Ctx, ExtensionAPI, ToolError


def extension(pi: ExtensionAPI) -> None:
    @pi.tool
    async def count_words(path: Annotated[str, "File, relative to the session's folder"], *, ctx: Ctx) -> str:
        """Count the words of a text file."""
        try:
            text = (ctx.cwd / path).read_text(encoding="utf-8")
        except OSError as error:
            raise ToolError(f"Can't read {path}: {error.strerror}. Name a file below {ctx.cwd}.") from None
        return f"{len(text.split())} words"
'''


async def extend_itself(folder: Path, *, keep: bool) -> int:
    """Play it; the result is the exit code: 0 when the new tool has counted right."""
    from pi.harness.storage.store import Store
    from pi.sdk import ExtensionChoice, create_agent_session

    project = folder / "notes"
    project.mkdir()
    (project / "notes.txt").write_text(NOTES, encoding="utf-8")
    pi_ext = shlex.join([sys.executable, "-m", "pi", "ext"])
    scripted = ScriptedModel(
        with_text("None of my tools counts words. I write one.", call("write", path=FILE, content=TOOL)),
        with_text("Does it work?", call("bash", command=f"{pi_ext} check {FILE}")),
        with_text("Then I load it into this session.", call("bash", command=f"{pi_ext} load {FILE}")),
        with_text("Now I have it.", call("count_words", path="notes.txt")),
        _summary,
    )
    store = Store.create(project, directory=folder / "sessions")
    session = await create_agent_session(
        cwd=project,
        agent_dir=folder / "agent",
        store=store,
        model=scripted.model,
        extensions=ExtensionChoice(find=False),
    )
    show("Pi demo: the model is scripted (no AI, no key, no network); the tools, files and session are real.")
    show(f"Folder: {project}\n\nYou: {PROMPT}")
    session.subscribe(show_event)
    await session.prompt(PROMPT)
    done = _counted(session.messages)
    await session.close()
    show(f"\nThe tool, {FILE}:\n\n{TOOL}")
    if keep:
        show(f"Kept: {project}\nSession: {store.path}\n")
    show("An extension of your own:  pi ext new NAME   (pi ext --help tells the rest)")
    return 0 if done else 1


def _summary(asked: Asked) -> Reply:
    """The script's last line depends on what the new tool really said."""
    if said := _counted(asked.context.messages):
        return Reply(f"notes.txt has {said}.")
    return Reply("The new tool didn't count. That shouldn't happen: please report it.")


def _counted(messages: Sequence[Any]) -> str:
    """What the new tool gave, if that is right."""
    results = [m for m in messages if isinstance(m, ToolResultMessage) and m.tool_name == "count_words"]
    said = content_text(results[-1].content) if results else ""
    return said if said == f"{len(NOTES.split())} words" else ""
