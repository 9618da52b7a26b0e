"""Lines taken in by the block are the lines taken in one by one."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi.harness.storage.entries import decode_entry
from pi.harness.storage.file import read_session
from pi.harness.storage.lines import SessionLines
from pi.harness.storage.store import Store

HEADER = b'{"type":"session","version":3,"id":"s","timestamp":"2026-01-02T03:04:05.000Z","cwd":"/w"}'
USER = b'{"type":"message","id":"%s","parentId":"%s","timestamp":"","message":%s}'
SAID = b'{"role":"user","content":"hi","timestamp":1}'
HALVES = b'{"role":"user","content":"\\ud83d","timestamp":1}'
ODD = [b"", b"  ", b"nonsense", b"[1]", HEADER, b'{"type":"new kind"}', b'{"type":"label","id":7}']

ids = st.sampled_from([b"a", b"b", b"c", b"d", b"e"])
entries = st.builds(lambda *parts: USER % parts, ids, ids, st.sampled_from([SAID, HALVES, b"{}"]))
lines = st.lists(st.one_of(entries, st.sampled_from(ODD)), max_size=12)


def told(lines: SessionLines):
    there = range(len(lines.heads))
    return lines.heads, lines.index, lines.types, [lines[at] for at in there], list(lines)


@given(lines, st.lists(st.integers(0, 12), max_size=3), st.booleans())
def test_blocks_hold_what_their_lines_hold(lines: list[bytes], cuts: list[int], torn: bool):
    ends = [0, *sorted(cuts), len(lines)]
    blocks = [b"".join(line + b"\n" for line in lines[a:b]) for a, b in pairwise(ends)]
    if torn:
        blocks[-1] = blocks[-1].removesuffix(b"\n")
    assert told(SessionLines.of_blocks(blocks)) == told(SessionLines(lines))


@given(lines, st.lists(entries, max_size=3))
def test_lines_go_on_after_blocks(lines: list[bytes], more: list[bytes]):
    both = SessionLines.of_blocks([b"\n".join(lines)])
    both.add(more)
    assert told(both) == told(SessionLines([*lines, *more]))


@given(lines)
def test_entries_by_the_block_are_those_by_the_line(lines: list[bytes]):
    block = SessionLines.of_blocks([b"\n".join(lines)])
    wanted = set(range(len(block.heads)))
    for start, entries in block.whole_blocks(wanted):
        for at, entry in enumerate(entries, start):
            assert entry == decode_entry(block[at])


def test_only_blocks_that_are_wanted_as_a_whole_are_decoded():
    first, second, third = (USER % (id, b"", SAID) for id in (b"a", b"b", b"c"))
    lines = SessionLines.of_blocks([first + b"\n" + second + b"\n", third])
    assert list(lines.whole_blocks({0, 2})) == [(2, [decode_entry(third)])]


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_long_file_is_read_in_blocks_that_end_with_a_line(tmp_path: Path, end: bytes):
    long = b'{"role":"user","content":"%s","timestamp":1}' % (b"x" * 100_000)
    lines = [USER % (b"%d" % at, b"%d" % (at - 1), long) for at in range(12)]
    path = tmp_path / "s.jsonl"
    path.write_bytes(b"\n".join([HEADER, *lines]) + end)
    _, blocks, _ = read_session(path)
    assert len(blocks) > 2
    assert b"".join(blocks) == b"\n".join(lines) + end
    store = Store.open(path)
    assert store.branch() == [decode_entry(line) for line in lines]
    assert [store.raw(f"{at}") for at in range(12)] == lines


def test_an_entry_that_was_asked_for_before_stays_the_same_object(tmp_path: Path):
    path = tmp_path / "s.jsonl"
    path.write_bytes(b"\n".join([HEADER, *(USER % (id, b"", SAID) for id in (b"a", b"b"))]))
    store = Store.open(path)
    first = store.get("a")
    assert store.entries()[0] is first
    assert store.entries()[1] is store.entries()[1]
