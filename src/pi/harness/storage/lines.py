"""The lines of a session by position: which entry each holds, and where that one belongs in the tree."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from pi.harness.storage.entries import UNREADABLE, Entry, entry_decoder
from pi.harness.storage.file import EntryHead, read_heads


class SessionLines:
    """Lines with their `heads`; `index` has positions by id, `types` the types that there are.

    A block of a file stays in one piece until one of its lines is asked for: each new object costs time, and
    most lines are never looked at. To find a model's context among 100,000 entries takes 165 ms, not 240.
    """

    def __init__(self, lines: Sequence[bytes] = ()):
        self.heads: list[EntryHead] = []
        self.index: dict[str, int] = {}
        self.types: set[str] = set()
        self._blocks: list[bytes | list[bytes]] = []
        self._starts: list[int] = []  # the position of each block's first line
        self.add(lines)

    @classmethod
    def of_blocks(cls, blocks: Iterable[bytes]) -> "SessionLines":
        """Whole lines as they stand in a file, but for those that are no entry or are here already."""
        lines = cls()
        for block in blocks:
            lines._add_block(block)
        return lines

    def __getitem__(self, position: int) -> bytes:
        """A line, as it was given."""
        at = bisect_right(self._starts, position) - 1
        block = self._blocks[at]
        if isinstance(block, bytes):
            block = self._blocks[at] = _split(block)
        return block[position - self._starts[at]]

    def __iter__(self) -> Iterator[bytes]:
        for block in self._blocks:
            yield from _split(block) if isinstance(block, bytes) else block

    def add(self, lines: Sequence[bytes]) -> None:
        """Take more lines in, again but for those."""
        for line, head in zip(lines, read_heads(lines), strict=True):
            if head is not None and head.type != "session" and head.id not in self.index:
                self._add(head, line)

    def whole_blocks(self, wanted: set[int]) -> Iterator[tuple[int, Sequence[Entry]]]:
        """The entries of each block that is still in one piece and wanted as a whole, after its position.

        One that holds a line with less than its type promises is left out.
        """
        ends = [*self._starts, len(self.heads)][1:]
        for start, end, block in zip(self._starts, ends, self._blocks, strict=True):
            if isinstance(block, list) or not wanted.issuperset(range(start, end)):
                continue
            try:
                entries = entry_decoder().decode_lines(block)
            except UNREADABLE:
                continue
            yield start, entries

    def back_from(self, leaf: str | None) -> Iterator[int]:
        """Positions from an entry to its root; a parent that is missing, or comes again, ends the way."""
        heads, index = self.heads, self.index
        way: list[int] = []
        position = index.get(leaf or "")
        while position is not None:
            way.append(position)
            yield position
            parent = heads[position].parent_id
            if position and parent is not None and heads[position - 1].id == parent:
                position -= 1  # nearly always: it saves the look into the index
                continue
            position = index.get(parent or "")
            if position is not None and position >= way[-1] and position in way:
                return  # only a parent that comes later in the file can close a circle

    def _add_block(self, block: bytes) -> None:
        start = len(self.heads)
        heads = _block_heads(block)
        types = {head.type for head in heads}
        if heads and "session" not in types and self._enter(heads):
            self.heads += heads
            self.types |= types
            self._blocks.append(block)
            self._starts.append(start)
        else:
            self.add(_split(block))

    def _add(self, head: EntryHead, line: bytes) -> None:
        last = self._blocks[-1] if self._blocks else b""
        if isinstance(last, bytes):
            self._starts.append(len(self.heads))
            self._blocks.append(last := [])
        last.append(line)
        if head.id is not None:
            self.index[head.id] = len(self.heads)
        self.heads.append(head)
        self.types.add(head.type)

    def _enter(self, heads: Sequence[EntryHead]) -> bool:
        """Put a block into the index; False, and nothing is changed, when an id is missing or not new."""
        ids = [head.id for head in heads]
        start = len(self.heads)
        count = len(self.index)
        if None not in ids:
            self.index.update(zip(ids, range(start, start + len(ids)), strict=True))  # pyright: ignore
            if len(self.index) == count + len(ids):
                return True
            self.index.clear()
            self.index.update((head.id, at) for at, head in enumerate(self.heads) if head.id is not None)
        return False


def _block_heads(block: bytes) -> list[EntryHead]:
    """The heads of a block's lines; none when it doesn't hold one entry in each line."""
    try:
        heads = msgspec.json.Decoder(EntryHead).decode_lines(block)
    except UNREADABLE:
        return []
    lines = block.count(b"\n") + (not block.endswith(b"\n"))
    return heads if len(heads) == lines else []


def _split(block: bytes) -> list[bytes]:
    lines = block.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return lines
