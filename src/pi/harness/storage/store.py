"""A session: an append-only tree of entries, in memory and in its JSONL file."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from msgspec import Struct

from pi.harness.context import normal_content
from pi.harness.storage.entries import (
    VERSION,
    AgentMessage,
    CompactionEntry,
    ContextEdit,
    CustomEntry,
    CustomMessageEntry,
    Entry,
    KnownEntry,
    Label,
    MessageEntry,
    ModelChange,
    Replacement,
    SessionHeader,
    SessionInfo,
    ThinkingLevelChange,
    UnknownEntry,
    decode_entry,
    encode_entry,
)
from pi.harness.storage.file import SessionFile, read_session
from pi.harness.storage.files import agent_dir, new_session_path, session_dir, valid_session_id
from pi.harness.storage.lines import SessionLines
from pi.llm.messages import AssistantMessage, SystemMessage, ToolResultMessage, Usage, UserMessage
from pi.platform.clock import iso, uuid7
from pi.platform.errors import ConfigError, PiError

E = TypeVar("E", bound=KnownEntry)
Lines = Sequence[bytes] | SessionLines


class TreeNode(Struct):
    """An entry with what follows it, oldest first, and the label that it has now."""

    entry: Entry
    children: list["TreeNode"]
    label: Label | None = None


class Store:
    """A session's entries. `leaf` is where the next one is attached; only `move_to` moves it back.

    A new session gets its file with the first message of the user or a model. What can't be written raises
    SessionWriteError, stays in memory, and is written before the next entry.
    """

    def __init__(self, header: SessionHeader, lines: Lines, *, cwd: Path, file: SessionFile | None):
        self.header = header
        self.cwd = cwd
        self._file = file
        self._lines = lines if isinstance(lines, SessionLines) else SessionLines(lines)
        self._heads, self._index = self._lines.heads, self._lines.index
        self._entries: dict[int, Entry] = {}  # those that were asked for, by their position
        self.header_line = (file and file.header) or encode_entry(header)
        self._waiting = [self.header_line] if file and file.size == 0 else []
        self._spoken = False  # the user or a model has said something since the store was made
        self.leaf: str | None = next((head.id for head in reversed(self._heads) if head.id), None)

    @classmethod
    def create(
        cls,
        cwd: Path,
        *,
        directory: Path | None = None,
        session_id: str | None = None,
        parent_session: str | None = None,
    ) -> "Store":
        """A new session in `directory` (default: where Pi keeps those of `cwd`). Raises ConfigError."""
        header = _new_header(cwd, session_id, parent_session)
        folder = directory or session_dir(agent_dir(os.environ), cwd, env=os.environ).path
        path = new_session_path(folder, header.id, header.timestamp)
        return cls(header, [], cwd=cwd, file=SessionFile(path))

    @classmethod
    def in_memory(cls, cwd: Path, *, session_id: str | None = None) -> "Store":
        """A new session that is never saved. Raises ConfigError for a bad id."""
        return cls(_new_header(cwd, session_id, None), [], cwd=cwd, file=None)

    @classmethod
    def open(cls, path: Path, *, cwd: Path | None = None) -> "Store":
        """The session of a file, or a new one that gets this file when there is none, or an empty one.

        `cwd` is where it runs; by default where it was made. Files of older versions are rewritten. Raises
        ConfigError for a file that is no session, PiError for one that can't be read or rewritten.
        """
        path = path.absolute()
        try:
            header, blocks, file = read_session(path)
        except FileNotFoundError:
            header, blocks, file = None, [], SessionFile(path)
        except OSError as error:
            raise PiError(f"Can't read the session file {path}: {error.strerror}.") from error
        if header is None and file.size:
            raise ConfigError(
                f"Session file is not a valid pi session: {path}. Its first line should be a session header; "
                "name another file, or move this one away."
            )
        cwd = cwd or Path((header and header.cwd) or Path.cwd())
        lines = SessionLines.of_blocks(blocks)
        store = cls(header or _new_header(cwd, None, None), lines, cwd=cwd, file=file)
        store.flush()
        return store

    @property
    def path(self) -> Path | None:
        """The session's file, also before it is there; None for a session in memory."""
        return self._file.path if self._file else None

    @property
    def unsaved(self) -> bool:
        """Whether something that should be in the file isn't, because it couldn't be written."""
        return self._file is not None and self._spoken and bool(self._waiting)

    @property
    def id(self) -> str:
        """The session's id."""
        return self.header.id

    @property
    def name(self) -> str | None:
        """What the user calls the session."""
        for position in reversed(self._marks("session_info")):
            entry = self._decode(position)
            if isinstance(entry, SessionInfo):
                return (entry.name or "").strip() or None
        return None

    @property
    def labels(self) -> dict[str, Label]:
        """The labels that entries have now, by the id of their target."""
        labels: dict[str, Label] = {}
        for position in self._marks("label"):
            entry = self._decode(position)
            if isinstance(entry, Label):
                labels.pop(entry.target_id, None)
                if entry.label:
                    labels[entry.target_id] = entry
        return labels

    def append(self, kind: type[E], /, **fields: Any) -> E:
        """Add an entry of any kind after the leaf; it becomes the leaf. Raises SessionWriteError."""
        return self._add(kind(id=self._new_id(), parent_id=self.leaf, timestamp=iso(), **fields))

    def append_message(self, message: AgentMessage) -> MessageEntry:
        """Add a message. Raises SessionWriteError."""
        return self.append(MessageEntry, message=message)

    def append_model_change(self, provider: str, model_id: str) -> ModelChange:
        """Note the model that was chosen. Raises SessionWriteError."""
        return self.append(ModelChange, provider=provider, model_id=model_id)

    def append_thinking_level(self, level: str) -> ThinkingLevelChange:
        """Note the thinking level that was chosen. Raises SessionWriteError."""
        return self.append(ThinkingLevelChange, thinking_level=level)

    def append_session_info(self, name: str) -> SessionInfo:
        """Name the session; an empty name takes the old one away. Raises SessionWriteError."""
        lines = name.replace("\r", "\n").split("\n")
        return self.append(SessionInfo, name=" ".join(line for line in lines if line).strip())

    def append_label(self, target_id: str, label: str | None) -> Label:
        """Label an entry, or take its label away. Raises PiError when there is no such entry."""
        self._position(target_id)
        return self.append(Label, target_id=target_id, label=label)

    def append_context_edit(self, target_id: str, replacement: Replacement | None) -> ContextEdit:
        """Hide an entry of the branch from the model (None), or show it with other content.

        Raises PiError when the target is not on the branch, or is nothing that the model sees as a message.
        """
        target = self.check_edit(target_id)
        if replacement is not None and isinstance(target, MessageEntry):
            replacement = normal_content(target.message, replacement)
        return self.append(ContextEdit, target_id=target_id, replacement=replacement)

    def check_edit(self, target_id: str) -> Entry:
        """The entry that a context edit may hide or replace. Raises PiError as `append_context_edit` does."""
        if self._position(target_id) not in self._path_to(self.leaf):
            raise PiError(f"Entry {target_id} is not on the active branch")
        match entry := self.get(target_id):
            case MessageEntry(message=UserMessage() | AssistantMessage() | ToolResultMessage()):
                return entry
            case CustomMessageEntry():
                return entry
            case _:
                raise PiError(f"Entry {target_id} does not contribute editable model content")

    def append_compaction(
        self,
        summary: str,
        first_kept_entry_id: str | None,
        tokens_before: int,
        *,
        system_message: SystemMessage | None = None,
        details: Any = None,
        usage: Usage | None = None,
        from_hook: bool = False,
    ) -> CompactionEntry:
        """Put a summary in the place of all before `first_kept_entry_id` (None: of everything)."""
        new = self._new_id()
        where = (new, self.leaf, iso())
        what = (summary, first_kept_entry_id or new, tokens_before, details, usage, from_hook, system_message)
        return self._add(CompactionEntry(*where, *what))

    def move_to(self, entry_id: str | None) -> None:
        """Go on after an earlier entry, or with a new root (None). Raises PiError for an unknown one."""
        if entry_id is not None:
            self._position(entry_id)
        self.leaf = entry_id

    def get(self, entry_id: str) -> Entry | None:
        """The entry of an id."""
        position = self._index.get(entry_id)
        return None if position is None else self._decode(position)

    def entries(self, *types: str, start: int = 0) -> list[Entry]:
        """The entries of all branches, as they were written; with `types` no others are decoded."""
        heads = self._heads
        return self._decode_all(
            [at for at in range(start, len(heads)) if not types or heads[at].type in types]
        )

    def raw(self, entry_id: str) -> bytes:
        """The line of an entry as it is in the file. Raises PiError when there is no such entry."""
        return self._lines[self._position(entry_id)].rstrip()

    def branch(self, *types: str) -> list[Entry]:
        """The entries from the root to the leaf; with `types` only those, and no others are decoded."""
        if types and self._lines.types.isdisjoint(types):
            return []
        path = self._path_to(self.leaf)
        if types:
            path = [position for position in path if self._heads[position].type in types]
        return self._decode_all(path)

    def latest_custom(self, custom_type: str) -> CustomEntry | None:
        """The latest entry of an extension's type on the branch."""
        custom = "custom" in self._lines.types
        found = [at for at, head in enumerate(self._heads) if head.type == "custom"] if custom else []
        entries = ((at, self._decode(at)) for at in found)
        mine = {at: e for at, e in entries if isinstance(e, CustomEntry) and e.custom_type == custom_type}
        path = self._lines.back_from(self.leaf) if mine else ()  # walking up a long branch costs the most
        return next((mine[position] for position in path if position in mine), None)

    def newest_first(self) -> Iterator[Entry]:
        """The entries from the leaf to the root, each decoded when it is asked for."""
        return map(self._decode, self._lines.back_from(self.leaf))

    def context_branch(self) -> list[Entry]:
        """The end of the branch that the model's context is built from: no more is read of long sessions.

        `build_context` makes the same of it as of the whole branch.
        """
        if "compaction" not in self._lines.types:
            return self.branch()
        path: list[int] = []
        kept = end = None
        for position in self._lines.back_from(self.leaf):
            path.append(position)
            head = self._heads[position]
            if kept is None and head.type == "compaction":
                entry = self._decode(position)
                if isinstance(entry, CompactionEntry):
                    kept, end = entry.first_kept_entry_id, len(path)
            if head.id == kept:
                break
        else:
            path = path[:end]  # what a compaction wants to keep isn't there: it keeps nothing
        return self._decode_all(path[::-1])

    def tree(self) -> list[TreeNode]:
        """All branches; entries whose parent is missing are roots too."""
        labels = self.labels
        self._decode_all(list(self._index.values()))
        nodes = {id: TreeNode(self._decode(at), [], labels.get(id)) for id, at in self._index.items()}
        roots: list[TreeNode] = []
        for id, node in nodes.items():
            parent = nodes.get(node.entry.parent_id or "")
            (roots if parent is None or node.entry.parent_id == id else parent.children).append(node)
        for node in nodes.values():
            node.children.sort(key=lambda child: child.entry.timestamp)
        return roots

    def fork_to(self, directory: Path, *, cwd: Path, session_id: str | None = None) -> "Store":
        """A copy of the whole session, every line as it is, under a new header that names this file.

        Raises SessionWriteError when it can't be written, ConfigError for a bad id.
        """
        store = self._successor(directory, cwd, session_id, list(self._lines))
        store._spoken = True
        store.flush()
        return store

    def clone_to(self, directory: Path, *, leaf: str | None) -> "Store":
        """A new session of the path to `leaf`, with the labels that its entries have now."""
        path, known = self._path_to(leaf), self._entries
        store = self._successor(directory, self.cwd, None, [self._lines[position] for position in path])
        store._entries = {new: known[old] for new, old in enumerate(path) if old in known}
        store._spoken = any(map(_is_speech, store.branch("message")))
        now, then = ({id: mark.label for id, mark in it.labels.items()} for it in (self, store))
        for target in {**then, **now}:
            if target in store._index and now.get(target) != then.get(target):
                store.append_label(target, now.get(target))
        store.flush()
        return store

    def flush(self) -> None:
        """Write what is still waiting, if the session has its file already or has earned it."""
        file = self._file
        if file is None or not self._waiting or not (file.exists or self._spoken):
            return
        self._lines.add(file.append(self._waiting))
        self._waiting = []

    def close(self) -> None:
        """Write what is still waiting and let go of the file; appending opens it again."""
        self.flush()
        if self._file:
            self._file.close()

    def _add(self, entry: E) -> E:
        self._notice_others()
        line = encode_entry(entry)
        self._entries[len(self._heads)] = entry
        self._lines.add([line])
        self.leaf = entry.id
        self._spoken = self._spoken or _is_speech(entry)
        if self._file:
            self._waiting.append(line)
            self.flush()
        return entry

    def _notice_others(self) -> None:
        """Take in what other programs did to the file: entries of theirs stay off our branch."""
        if self._file is None:
            return
        if (left := self._file.lost()) is not None:
            self._waiting, self._spoken = self._file.missing([self.header_line, *self._lines], left), True
        self._lines.add(self._file.news())

    def _marks(self, kind: str) -> list[int]:
        """Where the entries of a rare kind are, on any branch."""
        here = kind in self._lines.types
        return [position for position, head in enumerate(self._heads) if head.type == kind] if here else []

    def _decode(self, position: int) -> Entry:
        entry = self._entries.get(position)
        if entry is None:
            head, line = self._heads[position], self._lines[position]
            entry = decode_entry(line) or UnknownEntry(head.type, head.id or "", head.parent_id, "", line)
            self._entries[position] = entry
        return entry

    def _decode_all(self, positions: Sequence[int]) -> list[Entry]:
        """Many entries: those that lie together in the file at once, which takes two thirds of the time."""
        missing = set(positions).difference(self._entries)
        for start, entries in self._lines.whole_blocks(missing):
            self._entries.update(enumerate(entries, start))
        return [self._decode(position) for position in positions]

    def _position(self, entry_id: str) -> int:
        if entry_id not in self._index:
            raise PiError(f"Entry {entry_id} not found")
        return self._index[entry_id]

    def _path_to(self, leaf: str | None) -> list[int]:
        """Positions from the root to an entry."""
        return list(self._lines.back_from(leaf))[::-1]

    def _new_id(self) -> str:
        ids = (os.urandom(4).hex() for _ in range(100))
        return next((new for new in ids if new not in self._index), uuid7())

    def _successor(self, directory: Path, cwd: Path, session_id: str | None, lines: list[bytes]) -> "Store":
        """A session of these lines whose header names this one's file; nothing is written yet."""
        header = _new_header(cwd, session_id, str(self.path) if self._file else None)
        file = self._file and SessionFile(new_session_path(directory, header.id, header.timestamp))
        store = Store(header, lines, cwd=cwd, file=file)
        if file:
            store._waiting += lines
        return store


def _is_speech(entry: Struct) -> bool:
    return isinstance(entry, MessageEntry) and isinstance(entry.message, UserMessage | AssistantMessage)


def _new_header(cwd: Path, session_id: str | None, parent: str | None) -> SessionHeader:
    id = uuid7() if session_id is None else valid_session_id(session_id)
    return SessionHeader(VERSION, id, iso(), str(cwd), parent)
