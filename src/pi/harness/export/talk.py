"""A session file as a tree of places: what follows what, what answers what, and the sums over all of it."""

from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from msgspec import structs

from pi.harness.export import figures
from pi.harness.export.glance import Glance, glance
from pi.harness.export.markup import one_line
from pi.harness.export.page import Facts, Fork, Row, Spending
from pi.harness.export.secrets import Redactor
from pi.harness.export.tools import about
from pi.harness.spending.spent import spent
from pi.harness.storage.entries import (
    Entry,
    Label,
    MessageEntry,
    SessionHeader,
    SessionInfo,
    UnknownEntry,
    decode_entry,
    decode_header,
    iso_ms,
    load_json,
)
from pi.harness.storage.lines import SessionLines
from pi.harness.storage.migrate import migrate
from pi.llm.cost import total_usage
from pi.llm.messages import AssistantMessage, ToolResultMessage, Usage, UserMessage
from pi.platform.errors import PiError

NOWHERE = -1  # the parent of a root
_DEEPEST = 12  # further branches stand below each other
_TITLE = 120  # characters


class Place(NamedTuple):
    """A call: the place of its message, and which it is among the calls of that."""

    at: int
    nth: int


class Talk:
    """The entries of a file by their place in it; `path` is the branch that is shown first.

    Entries are decoded when they are asked for and not kept: a file may be larger than what is left of memory
    for its objects. A parent that comes later in the file is none, so that no circle closes.
    """

    def __init__(self, data: bytes, redactor: Redactor, leaf: str | None = None):
        """Raises PiError for what is no session, and for a leaf that isn't there."""
        self._redactor = redactor
        self.header, self._lines = _read(data, redactor)
        index = self._lines.index
        self.parents = [self._parent(at) for at in range(len(self._lines.heads))]
        self.children: dict[int, list[int]] = {}
        for at in index.values():
            self.children.setdefault(self.parents[at], []).append(at)
        if leaf is not None and leaf not in index:
            raise PiError(f"Entry {leaf} not found")
        self.leaf = index[leaf] if leaf is not None else max(index.values(), default=NOWHERE)
        self.path = self._way(self.leaf)
        self.entry = lru_cache(8)(self._entry)  # results follow their calls
        self.glances: dict[int, Glance] = {}
        self.labels: dict[int, str] = {}
        self.answers: dict[int, Place] = {}  # by the place of the result
        self._calls: dict[int, list[tuple[str, str]]] = {}  # id, and what it is about
        self._name = self._first = ""
        self._usage = Usage()
        self._spent: dict[str, Usage] = {}
        self._counts: Counter[str] = Counter()
        for at in sorted(index.values()):
            self._look_at(at, self.entry(at))

    def facts(self) -> Facts:
        """The sums over all branches."""
        by_cost = sorted(self._spent.items(), key=lambda row: (-row[1].cost.total, row[0]))
        rows = [
            Spending(name, figures.tokens(usage), figures.money(usage.cost.total)) for name, usage in by_cost
        ]
        counts = [figures.count(self._counts[kind], one) for kind, one in _COUNTED if self._counts[kind]]
        return Facts(
            title=self._name or self._first or "Session",
            id=self.header.id,
            cwd=self.header.cwd,
            begun=iso_ms(self.header.timestamp),
            counts=" · ".join(counts),
            tokens=figures.tokens(self._usage),
            cost=figures.money(self._usage.cost.total),
            models=tuple(rows),
            branches=sum(at not in self.children for at in self.glances),
        )

    def rows(self) -> Iterator[Row]:
        """The tree, each branch below the entry that it follows, in the order of the file."""
        active = set(self.path)
        stack = [(at, 0) for at in reversed(self.children.get(NOWHERE, []))]
        while stack:
            at, depth = stack.pop()
            after = self.children.get(at, [])
            if seen := self.glances.get(at):
                label = self.labels.get(at, "")
                minor = seen.minor and not label
                yield Row(at, min(depth, _DEEPEST), seen.kind, seen.text, label, minor, at in active)
            stack += ((child, depth + (len(after) > 1)) for child in reversed(after))

    def fork(self, at: int) -> Fork | None:
        """Where an entry stands among those that follow the same one; None where it is alone."""
        beside = self.children[self.parents[at]]
        if len(beside) < 2:
            return None
        place = beside.index(at)
        before = beside[place - 1] if place else None
        after = beside[place + 1] if place + 1 < len(beside) else None
        return Fork(place + 1, len(beside), before, after)

    def _parent(self, at: int) -> int:
        parent = self._lines.index.get(self._lines.heads[at].parent_id or "", NOWHERE)
        return parent if parent < at else NOWHERE

    def _way(self, leaf: int) -> list[int]:
        way: list[int] = []
        while leaf != NOWHERE:
            way.append(leaf)
            leaf = self.parents[leaf]
        return way[::-1]

    def _entry(self, at: int) -> Entry:
        line = self._redactor.line(self._lines[at])
        return decode_entry(line) or UnknownEntry("", "", None, "", b"")

    def _look_at(self, at: int, entry: Entry) -> None:
        if seen := glance(entry):
            self.glances[at] = seen
        if (cost := spent(entry)) is not None:
            model, usage = cost
            self._usage = total_usage(self._usage, usage)
            self._spent[model] = total_usage(self._spent.get(model, Usage()), usage)
        match entry:
            case MessageEntry(message=UserMessage()):
                self._counts["user"] += 1
                self._first = self._first or self.glances[at].text
            case MessageEntry(message=AssistantMessage() as message):
                self._counts["assistant"] += 1
                self._counts["call"] += len(message.tool_calls)
                calls = message.tool_calls
                self._calls[at] = [
                    (call.id, f"{call.name} {about(call.name, call.arguments)}") for call in calls
                ]
            case MessageEntry(message=ToolResultMessage(tool_call_id=id)):
                self._answer(at, id)
            case Label(target_id=target, label=label):
                self.labels[self._lines.index.get(target, NOWHERE)] = one_line(label or "", _TITLE)
            case SessionInfo(name=name):
                self._name = one_line(name or "", _TITLE)
            case _:
                pass

    def _answer(self, at: int, id: str) -> None:
        """Find the call of a result: the latest of this id since the user has last said something."""
        before = self.parents[at]
        while before != NOWHERE and self.glances.get(before, _NOTHING).kind != "user":
            for index, (call, brief) in enumerate(self._calls.get(before, [])):
                if call == id:
                    self.answers[at] = Place(before, index)
                    self.glances[at] = self.glances[at]._replace(text=brief.strip())
                    return
            before = self.parents[before]


_NOTHING = Glance("note", "")
_COUNTED = (("user", "prompt"), ("assistant", "answer"), ("call", "tool call"))


def _read(data: bytes, redactor: Redactor) -> tuple[SessionHeader, SessionLines]:
    lines = [line for line in data.split(b"\n") if line.strip()]
    first = next((at for at, line in enumerate(lines) if load_json(line) is not None), len(lines))
    header = decode_header(lines[first]) if first < len(lines) else None
    if header is None:
        raise PiError("It doesn't begin with the header of a session.")
    texts = {name: redactor.text(getattr(header, name)) for name in ("id", "cwd")}
    return structs.replace(header, **texts), SessionLines(migrate(lines[first:])[1:])
