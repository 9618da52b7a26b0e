"""The panel of a session's tree: where to go on from, with folds, filters, labels and search."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import partial

from pi.harness.storage.store import Store
from pi.modes.tui.keys.keymap import Keymap
from pi.modes.tui.lines import Line, Span, clean
from pi.modes.tui.panels.asking import TextInput
from pi.modes.tui.pickers.browser import Browser
from pi.modes.tui.pickers.tree_rows import FILTERS, Filter, Node, TreeRows
from pi.modes.tui.pickers.tree_texts import Texts, full_text
from pi.platform.clock import iso
from pi.platform.errors import PiError

_VISIBLE = 40
_NAMES: dict[Filter, str] = {
    "default": "",
    "no-tools": "without tools",
    "user-only": "your messages",
    "labeled-only": "labeled",
    "all": "all entries",
}
_KEYS: dict[str, Filter] = {
    "app.tree.filter.noTools": "no-tools",
    "app.tree.filter.userOnly": "user-only",
    "app.tree.filter.labeledOnly": "labeled-only",
    "app.tree.filter.all": "all",
}


class TreePanel(Browser[str]):
    """Ends with the id of an entry. It begins at `selected`, or at the leaf; `copy` knows the clipboard."""

    hints = (
        ("tui.select.confirm", "go there"),
        ("app.tree.foldOrUp", "fold / up"),
        ("app.tree.unfoldOrDown", "unfold / down"),
        ("app.tree.editLabel", "label"),
        ("app.tree.filter.cycleForward", "filter"),
        ("app.message.copy", "copy"),
        ("app.tree.toggleLabelTimestamp", "label times"),
        ("tui.select.cancel", "close"),
    )

    def __init__(
        self,
        keymap: Keymap,
        store: Store,
        *,
        filter: str = "default",
        selected: str | None = None,
        copy: Callable[[str], Awaitable[bool]],
    ):
        super().__init__(keymap, "Session tree", _VISIBLE, "Type to search")
        self._store = store
        self._copy = copy
        self._copying: asyncio.Task[None] | None = None
        self._filter: Filter = filter if filter in FILTERS else "default"
        self._times = False
        self._selected: str | None = selected or store.leaf
        roots = store.tree()
        self._rows = TreeRows(roots, store.leaf, Texts(store.entries("message")).describe)
        self._lay_out()
        self._reading = asyncio.ensure_future(self._read())

    @property
    def selected(self) -> Node | None:
        """The entry under the arrow."""
        shown = self._rows.shown
        return shown[self.index] if self.index < len(shown) else None

    def count(self) -> int:
        return len(self._rows.shown)

    def row(self, number: int, width: int) -> Line:
        node = self._rows.shown[number]
        said = self._rows.described(node)
        gutter = self._rows.gutter(node, max(1, width // 6))
        spans: list[Span] = [("• " if node.active else "  ", "accent"), (gutter, "dim")]
        hidden = self._rows.hidden.get(node.number)
        if hidden:
            spans.append(("▸ ", "accent"))
        if node.label:
            when = f" {_when(node.labeled_at)}" if self._times else ""
            spans += [(f"[{clean(node.label)}]", "warning"), (f"{when} ", "muted")]
        if said.role:
            spans.append(
                (
                    f"{clean(said.role)}: ",
                    f"{said.role_style} bold" if number == self.index else said.role_style,
                )
            )
        spans.append((said.text, said.text_style))
        if hidden:
            spans.append((f"  +{hidden:,}", "dim"))
        return tuple(spans)

    def choose(self) -> None:
        node = self.selected
        if node is not None:
            self.finish(node.entry.id)

    def searched(self) -> None:
        self._keep()
        self._lay_out()

    def empty(self) -> str:
        if self.search.text:
            return "Nothing matches."
        if self._filter == "labeled-only":
            return f"Nothing has a label yet: {self.keymap.label('app.tree.editLabel')} gives one."
        return (
            "There is nothing here yet."
            if self._filter in ("default", "all")
            else "Nothing passes this filter."
        )

    def actions(self) -> Mapping[str, Callable[[], None]]:
        return {
            "app.tree.foldOrUp": self._fold,
            "app.tree.unfoldOrDown": self._unfold,
            "app.tree.editLabel": self._ask_label,
            "app.tree.toggleLabelTimestamp": self._toggle_times,
            "app.tree.filter.default": partial(self._use, "default"),
            **{key: partial(self._toggle, filter) for key, filter in _KEYS.items()},
            "app.tree.filter.cycleForward": partial(self._cycle, 1),
            "app.tree.filter.cycleBackward": partial(self._cycle, -1),
            "app.message.copy": self._copy_entry,
        }

    def _lay_out(self) -> None:
        self._rows.show(self._filter, self.search.text)
        self.index = self._rows.nearest(self._selected)
        self.search_aside = _NAMES[self._filter]

    async def _read(self) -> None:
        """Read all texts while nothing else is to be done: the first search then needn't."""
        for number, node in enumerate(self._rows.nodes):
            if number % 100 == 99:
                await asyncio.sleep(0)
                if self.answer.done():
                    return
            self._rows.described(node)

    def _keep(self) -> None:
        """Remember what is selected, so that it still is when it is shown again."""
        if (node := self.selected) is not None:
            self._selected = node.entry.id

    def _use(self, filter: Filter) -> None:
        self._keep()
        self._filter = filter
        self._lay_out()

    def _toggle(self, filter: Filter) -> None:
        self._use("default" if self._filter == filter else filter)

    def _cycle(self, step: int) -> None:
        self._use(FILTERS[(FILTERS.index(self._filter) + step) % len(FILTERS)])

    def _fold(self) -> None:
        node = self.selected
        if node is None:
            return
        if self._rows.can_fold(node) and not self._is_folded(node) and not self.search.text:
            self._rows.folded.add(node.number)
            self._rows.fold(self._rows.folded)
        else:
            self.index = self._rows.segment(self.index, -1)

    def _unfold(self) -> None:
        node = self.selected
        if node is None:
            return
        if self._is_folded(node):
            self._rows.folded.discard(node.number)
            self._rows.fold(self._rows.folded)
        else:
            self.index = self._rows.segment(self.index, 1)

    def _is_folded(self, node: Node) -> bool:
        return node.number in self._rows.hidden

    def _toggle_times(self) -> None:
        self._times = not self._times

    def _ask_label(self) -> None:
        node = self.selected
        if node is None:
            return
        note = f"For: {self._rows.described(node).text[:80]}"
        panel = TextInput(self.keymap, "Label", "Without a text the label goes away", node.label, note=note)
        self.inside(panel, partial(self._label, node))

    def _label(self, node: Node, text: str | None) -> None:
        if text is None or text.strip() == node.label:
            return
        text = " ".join(text.split())
        try:
            self._store.append_label(node.entry.id, text or None)
        except PiError as error:
            self.say(str(error), "error")
            return
        node.label, node.labeled_at = text, iso()
        self._keep()
        self._lay_out()

    def _copy_entry(self) -> None:
        node = self.selected
        if node is None or (self._copying is not None and not self._copying.done()):
            return
        self._copying = asyncio.ensure_future(self._copied(full_text(node.entry)))

    async def _copied(self, text: str) -> None:
        if not text.strip():
            self.say("There is no text in this entry.", "warning")
        elif await self._copy(text):
            self.say("Copied.", "success")
        else:
            self.say("There is no way to the clipboard here.", "warning")


def _when(timestamp: str) -> str:
    """A time as people here write it: the clock today, else the day too."""
    try:
        when = datetime.fromisoformat(timestamp).astimezone()
    except ValueError:
        return ""
    today = datetime.now().astimezone()
    if when.date() == today.date():
        return f"{when:%H:%M}"
    return f"{when:%m-%d %H:%M}" if when.year == today.year else f"{when:%Y-%m-%d}"
