"""The rows of a session's tree: which entries are seen under a filter, and where each stands."""

from collections.abc import Callable, Sequence
from typing import Literal, get_args

from pi.harness.storage.entries import Entry
from pi.harness.storage.store import TreeNode
from pi.modes.tui.pickers.tree_texts import (
    Described,
    is_always_hidden,
    is_bookkeeping,
    is_tool_result,
    is_user,
)

Filter = Literal["default", "no-tools", "user-only", "labeled-only", "all"]
FILTERS: tuple[Filter, ...] = get_args(Filter)


class Node:
    """An entry in the tree; `number` is its place among all of them, each before what follows it."""

    __slots__ = ("active", "described", "entry", "label", "labeled_at", "number")

    def __init__(self, entry: Entry, number: int, tree: TreeNode, *, active: bool):
        self.entry = entry
        self.number = number
        self.label = (tree.label.label or "") if tree.label is not None else ""
        self.labeled_at = tree.label.timestamp if tree.label is not None else ""  # ISO 8601
        self.active = active  # on the way to the leaf
        self.described: Described | None = None


class TreeRows:
    """All entries in one order, the branch of the leaf before its siblings; a filter takes some of them out.

    What has to be known of each for a filter is in lists by the entries' numbers, which keeps ten thousand of
    them quick. The root of all is the number behind the last.
    """

    def __init__(self, roots: Sequence[TreeNode], leaf: str | None, describe: Callable[[Entry], Described]):
        self._describe = describe
        self.nodes: list[Node] = []
        self.by_id: dict[str, Node] = {}
        self.folded: set[int] = set()
        self.shown: list[Node] = []
        self.hidden: dict[int, int] = {}  # how many entries are folded away below
        self._parents: list[int] = []
        self._flatten(roots, leaf)
        self._sizes = self._count()
        self._classes = [_class_of(node.entry, node.entry.id == leaf) for node in self.nodes]
        self._places: dict[int, int] | None = None
        self._asked: tuple[Filter, str] = ("default", "")
        self._passes: list[bool] = []
        self._up: list[int] = []  # the nearest entry above that is shown
        self._kids: list[int] = []  # how many entries are shown next below
        self._last: list[int] = []  # the last of those
        self._trunk: list[int] = []  # the nearest entry above that has a connector before it
        self._depth: list[int] = []  # connectors

    def described(self, node: Node) -> Described:
        """What the entry says, in one line."""
        if node.described is None:
            node.described = self._describe(node.entry)
        return node.described

    def show(self, filter: Filter, query: str = "") -> None:
        """Show what passes the filter and has all words of the query; folds count only without one."""
        words = query.casefold().split()
        longer = bool(self._asked[1]) and filter == self._asked[0] and query.startswith(self._asked[1])
        passes = self._passes if longer else self._passing(filter)
        self._asked = (filter, query)
        if words:
            passes = [
                passed and self._has(node, words) for node, passed in zip(self.nodes, passes, strict=True)
            ]
        self._passes = passes
        self._lay_out(passes)
        self.fold(set() if words else self.folded)

    def fold(self, folded: set[int]) -> None:
        """Show the same without what is below some entries."""
        passes = self._passes
        shown: list[Node] = []
        self.hidden, self._places = {}, None
        if not folded:
            self.shown = [node for node, passed in zip(self.nodes, passes, strict=True) if passed]
            return
        number, end = 0, len(self.nodes)
        while number < end:
            step = 1
            if passes[number]:
                shown.append(self.nodes[number])
                if number in folded and self._kids[number]:
                    step = self._sizes[number]
                    self.hidden[number] = sum(passes[number + 1 : number + step])
            number += step
        self.shown = shown

    def nearest(self, entry_id: str | None) -> int:
        """The row of an entry, or of the next one above it that is shown; without any, the last row."""
        if self._places is None:
            self._places = {node.number: place for place, node in enumerate(self.shown)}
        node = self.by_id.get(entry_id or "")
        number = node.number if node is not None else len(self.nodes)
        while number < len(self.nodes):
            if number in self._places:
                return self._places[number]
            number = self._parents[number]
        return max(0, len(self.shown) - 1)

    def can_fold(self, node: Node) -> bool:
        """Whether a segment begins here that something hangs on."""
        return self._kids[node.number] > 0 and self.begins(node)

    def begins(self, node: Node) -> bool:
        """Whether it begins a segment: a root, or one of several siblings."""
        up = self._up[node.number]
        return up == len(self.nodes) or self._kids[up] > 1

    def segment(self, at: int, step: Literal[-1, 1]) -> int:
        """The row where the segment before begins, or the next one, or where this branch ends."""
        place = at + step
        while 0 <= place < len(self.shown):
            node = self.shown[place]
            if self.begins(node) or (step > 0 and not self._kids[node.number]):
                return place
            place += step
        return max(0, min(place, len(self.shown) - 1))

    def gutter(self, node: Node, most: int) -> str:
        """The lines before a row, of which the outermost go when there are more than `most`."""
        number, root = node.number, len(self.nodes)
        if not self._depth[number]:
            return ""
        pieces: list[str] = []
        if self._kids[self._up[number]] > 1:
            pieces.append("└─ " if self._is_last(number) else "├─ ")
        at = self._trunk[number]
        while at != root and len(pieces) < most:
            pieces.append("   " if self._is_last(at) else "│  ")
            at = self._trunk[at]
        if self._depth[number] > most:
            pieces[-1] = "…  "
        return "".join(reversed(pieces))

    def _flatten(self, roots: Sequence[TreeNode], leaf: str | None) -> None:
        active = _active(roots, leaf)
        pending = [(tree, -1) for tree in _ordered(roots, active)]
        while pending:
            tree, parent = pending.pop()
            number = len(self.nodes)
            node = Node(tree.entry, number, tree, active=tree.entry.id in active)
            self.nodes.append(node)
            self._parents.append(parent)
            self.by_id[tree.entry.id] = node
            if tree.children:
                pending += [(child, number) for child in _ordered(tree.children, active)]
        root = len(self.nodes)
        self._parents = [root if parent < 0 else parent for parent in self._parents]

    def _count(self) -> list[int]:
        """How many entries each has below it, itself among them."""
        sizes = [1] * (len(self.nodes) + 1)
        for number in range(len(self.nodes) - 1, -1, -1):
            sizes[self._parents[number]] += sizes[number]
        return sizes

    def _passing(self, filter: Filter) -> list[bool]:
        if filter == "labeled-only":
            return [bool(node.label) for node in self.nodes]
        wanted = _PASSING[filter]
        return [each in wanted for each in self._classes]

    def _has(self, node: Node, words: Sequence[str]) -> bool:
        text = (node.described or self.described(node)).searched
        return all(word in text or word in node.label.casefold() for word in words)

    def _lay_out(self, passes: Sequence[bool]) -> None:
        root = len(self.nodes)
        parents, up = self._parents, [root] * (root + 1)
        kids, last = [0] * (root + 1), [root] * (root + 1)
        trunk, depth = [root] * (root + 1), [0] * (root + 1)
        for number in range(root):
            parent = parents[number]
            if parent != root and not passes[parent]:
                parent = up[parent]
            up[number] = parent
            if passes[number]:
                kids[parent] += 1
                last[parent] = number
        for number in range(root):
            if passes[number]:
                parent = up[number]
                above = parent if kids[up[parent]] > 1 and parent != root else trunk[parent]
                trunk[number] = above
                depth[number] = depth[above] if kids[parent] < 2 else depth[above] + 1
        self._up, self._kids, self._last, self._trunk, self._depth = up, kids, last, trunk, depth

    def _is_last(self, number: int) -> bool:
        return self._last[self._up[number]] == number


_HIDDEN, _USER, _TOOL, _KEPT, _OTHER = range(5)  # classes of entries
_PASSING: dict[Filter, frozenset[int]] = {
    "default": frozenset((_USER, _TOOL, _OTHER)),
    "no-tools": frozenset((_USER, _OTHER)),
    "user-only": frozenset((_USER,)),
    "all": frozenset((_USER, _TOOL, _KEPT, _OTHER)),
}


def _class_of(entry: Entry, leaf: bool) -> int:
    if is_user(entry):
        return _USER
    if is_tool_result(entry):
        return _TOOL
    if is_bookkeeping(entry):
        return _KEPT
    return _HIDDEN if is_always_hidden(entry) and not leaf else _OTHER


def _active(roots: Sequence[TreeNode], leaf: str | None) -> set[str]:
    """The ids from the leaf up."""
    parents: dict[str, str | None] = {}
    pending = list(roots)
    while pending:
        node = pending.pop()
        parents[node.entry.id] = node.entry.parent_id
        pending += node.children
    way: set[str] = set()
    while leaf in parents and leaf not in way:
        way.add(leaf)
        leaf = parents[leaf]
    return way


def _ordered(nodes: Sequence[TreeNode], active: set[str]) -> Sequence[TreeNode]:
    """For a stack: the active one is taken first, then the others, oldest first."""
    if len(nodes) == 1:
        return nodes
    return sorted(reversed(nodes), key=lambda node: node.entry.id in active)
