"""read: texts and notices as recorded, bounded memory, no waiting."""

import asyncio
import os
import tracemalloc
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi.agent.output import truncate_head
from pi.agent.tool import ToolContext, ToolError, ToolResult
from pi.llm.messages import Image, Text
from pi.llm.models import Model
from pi.tools.read import _Selection, read_tool

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR42mM4ISeHFTEMLQkAkL9BAc9woTwAAAAASUVORK5CYII="


def read(cwd: Path, path: str, *, vision: bool = True, **arguments: Any) -> ToolResult:
    model = Model("m", "p", "a", "http://x", input=("text", "image") if vision else ("text",))
    ctx = ToolContext("c", cwd, model, {}, lambda result: None)
    return asyncio.run(read_tool().run({"path": path, **arguments}, ctx))


def text(result: ToolResult) -> str:
    (block,) = result.content
    assert isinstance(block, Text)
    return block.text


def error(cwd: Path, path: str, **arguments: Any) -> str:
    with pytest.raises(ToolError) as caught:
        read(cwd, path, **arguments)
    return str(caught.value)


@pytest.fixture
def numbers(tmp_path: Path) -> Path:
    (tmp_path / "n").write_text("".join(f"{number}\n" for number in range(1, 5001)))
    return tmp_path


def test_a_short_file_comes_whole_without_details(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbfa\r\nb")
    assert read(tmp_path, "a") == ToolResult((Text("\ufeffa\r\nb"),))
    (tmp_path / "empty").touch()
    assert text(read(tmp_path, "empty")) == ""


def test_2000_lines_are_shown_with_the_way_to_go_on(numbers: Path):
    result = read(numbers, "n")
    shown = "\n".join(map(str, range(1, 2001)))
    assert text(result) == shown + "\n\n[Showing lines 1-2000 of 5001. Use offset=2001 to continue.]"
    assert result.details == {
        "truncation": {
            "content": shown,
            "truncated": True,
            "truncatedBy": "lines",
            "totalLines": 5000,
            "totalBytes": 23893,
            "outputLines": 2000,
            "outputBytes": len(shown),
            "lastLinePartial": False,
            "firstLineExceedsLimit": False,
            "maxLines": 2000,
            "maxBytes": 51200,
        }
    }


def test_50_kb_are_shown_in_whole_lines(tmp_path: Path):
    (tmp_path / "w").write_text("".join(f"{number:040}\n" for number in range(1, 1901)))
    assert text(read(tmp_path, "w")).endswith(
        "1248\n\n[Showing lines 1-1248 of 1901 (50.0KB limit). Use offset=1249 to continue.]"
    )


def test_a_line_over_the_limit_is_named_with_a_command_for_it(tmp_path: Path):
    (tmp_path / "l.txt").write_text("x\n" + "y" * 60000)
    assert text(read(tmp_path, "l.txt", offset=2)) == (
        "[Line 2 is 58.6KB, exceeds 50.0KB limit. Use bash: sed -n '2p' l.txt | head -c 51200]"
    )


def test_offset_and_limit_select_lines(numbers: Path):
    assert text(read(numbers, "n", offset=4998)) == "4998\n4999\n5000\n"
    assert text(read(numbers, "n", offset=10, limit=3)) == (
        "10\n11\n12\n\n[4989 more lines in file. Use offset=13 to continue.]"
    )
    assert text(read(numbers, "n", offset=5000.0, limit=1.0)) == (
        "5000\n\n[1 more lines in file. Use offset=5001 to continue.]"
    )
    assert text(read(numbers, "n", offset=5000, limit=2)) == "5000\n"
    assert text(read(numbers, "n", offset=5001)) == ""
    assert text(read(numbers, "n", offset=-5, limit=0)) == (
        "\n\n[5001 more lines in file. Use offset=1 to continue.]"
    )
    assert error(numbers, "n", offset=5002) == "Offset 5002 is beyond end of file (5001 lines total)"


def test_bytes_that_are_no_text_are_replaced_as_node_does(tmp_path: Path):
    (tmp_path / "b").write_bytes(b"a\xff\xe2\x82b\xed\xa0\x80\0")
    assert text(read(tmp_path, "b")) == "a\ufffd\ufffdb\ufffd\ufffd\ufffd\0"


def test_what_cannot_be_read_says_why(tmp_path: Path):
    assert error(tmp_path, "no") == f"ENOENT: no such file or directory, access '{tmp_path}/no'"
    assert error(tmp_path, ".") == "EISDIR: illegal operation on a directory, read"
    (tmp_path / "f").touch()
    assert error(tmp_path, "f/x") == f"ENOTDIR: not a directory, access '{tmp_path}/f/x'"
    (tmp_path / "loop").symlink_to("loop")
    assert error(tmp_path, "loop") == f"ELOOP: too many symbolic links encountered, access '{tmp_path}/loop'"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_forbidden_file_says_so(tmp_path: Path):
    (tmp_path / "secret").touch(mode=0)
    assert error(tmp_path, "secret") == f"EACCES: permission denied, access '{tmp_path}/secret'"


@pytest.mark.skipif(os.name == "nt", reason="POSIX files")
def test_pipes_and_devices_are_refused_instead_of_waited_for(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    assert error(tmp_path, "pipe") == (
        "pipe is no regular file but a pipe, which may never end. "
        "Use bash with a limit, such as: timeout 5 head -c 1000 pipe"
    )
    assert "a device" in error(tmp_path, "/dev/zero")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_files_without_a_size_are_read_to_their_end(tmp_path: Path):
    assert "\nPid:" in text(read(tmp_path, "/proc/self/status"))


def test_memory_does_not_grow_with_the_file(tmp_path: Path):
    with (tmp_path / "huge").open("wb") as file:
        for _ in range(64):
            file.write(b"x" * (1 << 20))
            file.write(b"\n" * 1000)
    tracemalloc.start()
    try:
        result = read(tmp_path, "huge", offset=63002, limit=100)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
    assert text(result).endswith("\n[900 more lines in file. Use offset=63102 to continue.]")


def test_a_long_reading_can_be_cancelled(tmp_path: Path):
    (tmp_path / "big").write_bytes(b"x\n" * 4_000_000)

    async def run() -> None:
        ctx = ToolContext("c", tmp_path, Model("m", "p", "a", "http://x"), {}, lambda result: None)
        task = asyncio.ensure_future(read_tool().run({"path": "big"}, ctx))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())


def test_an_image_comes_with_its_type(tmp_path: Path):
    (tmp_path / "p.txt").write_bytes(b64decode(PNG))
    assert read(tmp_path, "p.txt") == ToolResult(
        (Text("Read image file [image/png]"), Image(PNG, "image/png"))
    )


def test_a_model_without_vision_is_told_so(tmp_path: Path):
    (tmp_path / "p.png").write_bytes(b64decode(PNG))
    assert read(tmp_path, "p.png", vision=False).content[0] == Text(
        "Read image file [image/png]\n"
        "[Current model does not support images. The image will be omitted from this request.]"
    )


def test_a_broken_image_is_left_out_so_that_no_request_fails_for_it(tmp_path: Path):
    (tmp_path / "p.png").write_bytes(b64decode(PNG)[:-30])
    assert read(tmp_path, "p.png") == ToolResult(
        (
            Text(
                "Read image file [image/png]\n"
                "[Image omitted: could not be resized below the inline image size limit.]"
            ),
        )
    )


@given(
    st.lists(st.text("a\né", max_size=8), max_size=30),
    st.integers(0, 30),
    st.none() | st.integers(0, 30),
    st.integers(0, 3000),
)
def test_a_text_in_pieces_is_selected_like_a_whole_one(
    pieces: list[str], start: int, limit: int | None, filling: int
):
    pieces = [*pieces, "b" * filling * 20, "\n" * filling, *pieces]
    end = None if limit is None else start + limit
    selection = _Selection(start, end)
    for piece in pieces:
        selection.add(piece)
    lines = "".join(pieces).split("\n")
    assert selection.total_lines == len(lines)
    assert selection.truncation == truncate_head("\n".join(lines[start:end]))
    if start < len(lines) and limit != 0:
        assert selection.first_line_bytes == len(lines[start].encode())
