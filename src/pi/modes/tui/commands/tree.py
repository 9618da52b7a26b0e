"""/tree: go on from another entry of the session; and what Escape twice does."""

from pi.harness.compaction.branch_summary import abandoned_entries
from pi.harness.storage.entries import UsageEntry
from pi.harness.storage.store import Store
from pi.modes.tui.commands.command import Command
from pi.modes.tui.commands.moving import moved, require_idle
from pi.modes.tui.panels.asking import LongText
from pi.modes.tui.panels.picker import Picker, Row
from pi.modes.tui.pickers.tree import TreePanel
from pi.modes.tui.pickers.tree_texts import is_bookkeeping
from pi.modes.tui.stage import Stage


async def run(stage: Stage, args: str) -> None:
    """Choose an entry, say what becomes of the branch that is left, and go there."""
    session = stage.session
    store = session.store
    if not store.entries():
        stage.notify("There is nothing in this session yet.")
        return
    settings = session.setup.settings
    selected: str | None = None
    while True:
        panel = TreePanel(
            stage.keymap,
            store,
            filter=str(settings.get("treeFilterMode")),
            selected=selected,
            copy=stage.copy,
        )
        selected = await stage.ask(panel)
        if selected is None:
            return
        if selected == store.leaf:
            stage.notify("You are there already.")
            return
        require_idle(stage, "go there")
        summary = _NONE
        if not settings.flag("branchSummary.skipPrompt") and _leaves_something(store, selected):
            asked = await _ask_summary(stage)
            if asked is None:
                continue
            summary = asked
        if await _go(stage, selected, *summary):
            return


def _leaves_something(store: Store, entry_id: str) -> bool:
    """Whether something was said on the way back that a summary could tell of."""
    left, _ = abandoned_entries(store, entry_id)
    return any(not is_bookkeeping(entry) and not isinstance(entry, UsageEntry) for entry in left)


async def double_escape(stage: Stage) -> None:
    """Escape twice in an empty editor: the tree, a fork, or nothing, as the settings say."""
    match stage.session.setup.settings.get("doubleEscapeAction"):
        case "fork":
            from pi.modes.tui.commands.fork import run as fork

            await fork(stage, "")
        case "none":
            pass
        case _:
            await run(stage, "")


_NONE: tuple[bool, str | None] = (False, None)
_CHOICES = (
    Row("none", "No summary", "nothing of the branch you leave is kept in mind"),
    Row("plain", "Summarize", "the model sums up the branch you leave"),
    Row("custom", "Summarize with instructions", "you say what to look at"),
)


async def _ask_summary(stage: Stage) -> tuple[bool, str | None] | None:
    """Whether to summarize, and on what; None when people go back."""
    while True:
        row = await stage.ask(Picker(stage.keymap, "Summarize the branch you leave?", _CHOICES, search=False))
        match row.id if row is not None else None:
            case "none":
                return _NONE
            case "plain":
                return True, None
            case "custom":
                text = await stage.ask(LongText(stage.keymap, "What should the summary look at?", ""))
                if text is not None:
                    return True, text.strip() or None
            case _:
                return None


async def _go(stage: Stage, entry_id: str, summarize: bool, instructions: str | None) -> bool:
    """Whether it led there; not when the summary was stopped or an extension refused."""
    if summarize:
        stage.working("Summarizing the branch…")
    try:
        done = await stage.session.tree.navigate(entry_id, summarize=summarize, instructions=instructions)
    finally:
        if summarize:
            stage.working(None)
    if done.cancelled:
        stage.notify("The summary was stopped." if summarize else "Cancelled by an extension.")
        return False
    moved(stage, done.text, "You are at the chosen point.")
    return True


COMMAND = Command("tree", "Go on from another point of the session", run)
