import hashlib
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import to_builtins

from pi.agent.output import MAX_BYTES, OutputTail, Truncation, format_size, truncate_head, truncate_tail

texts = st.text(st.sampled_from("ab\né😀\r"), max_size=60)
limits = st.integers(1, 12)


def lines_of(text: str) -> list[str]:
    return text.removesuffix("\n").split("\n") if text else []


def size(text: str) -> int:
    return len(text.encode())


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0B"),
        (1023, "1023B"),
        (1024, "1.0KB"),
        (1280, "1.3KB"),
        (51200, "50.0KB"),
        (60000, "58.6KB"),
        (1024 * 1024 - 1, "1024.0KB"),
        (1536 * 1024, "1.5MB"),
        (5_000_000_000, "4768.4MB"),
    ],
)
def test_sizes_have_one_decimal_and_halves_go_up(number: int, text: str):
    assert format_size(number) == text


def test_a_short_text_stays_as_it_is():
    whole = Truncation("a\nb\n", False, None, 2, 4, 2, 4, False, False, 2000, 51200)
    assert truncate_head("a\nb\n") == whole == truncate_tail("a\nb\n")


def test_details_have_the_recorded_names_in_the_recorded_order():
    assert to_builtins(truncate_head("x" * 60000)) == {
        "content": "",
        "truncated": True,
        "truncatedBy": "bytes",
        "totalLines": 1,
        "totalBytes": 60000,
        "outputLines": 0,
        "outputBytes": 0,
        "lastLinePartial": False,
        "firstLineExceedsLimit": True,
        "maxLines": 2000,
        "maxBytes": 51200,
    }


def test_the_recorded_tail_of_1900_lines_is_matched():
    cut = truncate_tail("".join(f"{number:040d}\n" for number in range(1, 1901)))
    digest = hashlib.sha256(cut.content.encode()).hexdigest()
    assert digest == "896f4c8abd813f199cff8d775785ab342d42b32288b1bea6b9c71fd70a645166"
    assert (cut.truncated_by, cut.output_lines, cut.output_bytes, cut.total_lines) == (
        "bytes",
        1248,
        51167,
        1900,
    )


def test_the_recorded_tail_of_5000_lines_is_matched():
    cut = truncate_tail("".join(f"{number}\n" for number in range(1, 5001)))
    digest = hashlib.sha256(cut.content.encode()).hexdigest()
    assert digest == "995579e04f7b3e2d457ec834b9e2080a9df45b561c3f74225078ecece445e5f5"
    assert (cut.truncated_by, cut.output_lines, cut.output_bytes, cut.total_bytes) == (
        "lines",
        2000,
        9999,
        23893,
    )


def test_a_huge_last_line_is_cut_at_a_character():
    cut = truncate_tail("first\n" + "é" * 10, max_bytes=7)
    assert (cut.content, cut.output_bytes, cut.last_line_partial) == ("ééé", 6, True)


@given(texts, limits, limits)
def test_the_head_is_the_longest_run_of_whole_lines_that_fits(text: str, max_lines: int, max_bytes: int):
    cut = truncate_head(text, max_lines=max_lines, max_bytes=max_bytes)
    lines = lines_of(text)
    assert (cut.total_lines, cut.total_bytes) == (len(lines), size(text))
    assert cut.truncated == (len(lines) > max_lines or size(text) > max_bytes)
    if not cut.truncated:
        assert cut.content == text
        return
    fitting = [n for n in range(min(len(lines), max_lines) + 1) if size("\n".join(lines[:n])) <= max_bytes]
    assert cut.output_lines == fitting[-1]
    assert cut.content == "\n".join(lines[: cut.output_lines])
    assert cut.output_bytes == size(cut.content)
    assert cut.first_line_exceeds_limit == (size(lines[0]) > max_bytes)


@given(texts, limits, limits)
def test_the_tail_is_the_longest_run_of_whole_lines_that_fits(text: str, max_lines: int, max_bytes: int):
    cut = truncate_tail(text, max_lines=max_lines, max_bytes=max_bytes)
    lines = lines_of(text)
    if not cut.truncated:
        assert cut.content == text
        return
    assert cut.output_bytes == size(cut.content) <= max_bytes
    assert cut.last_line_partial == (size(lines[-1]) > max_bytes)
    if cut.last_line_partial:
        assert lines[-1].endswith(cut.content)
        assert size(cut.content) > max_bytes - 4
        return
    counts = range(1, min(len(lines), max_lines) + 1)
    fitting = [n for n in counts if size("\n".join(lines[-n:])) <= max_bytes]
    assert cut.content == "\n".join(lines[-fitting[-1] :])
    assert cut.output_lines == fitting[-1]


def test_a_lone_surrogate_survives():
    assert truncate_head("\ud83d\nb", max_lines=1).content == "\ud83d"


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=8))
@example(b"\xef", [])
def test_characters_survive_any_split_of_the_bytes(data: bytes, cuts: list[int]):
    whole, pieces = OutputTail(), OutputTail()
    whole.add(data)
    at = 0
    for cut in [*sorted(cuts), len(data)]:
        pieces.add(data[at:cut])
        at = max(at, cut)
    whole.close()
    pieces.close()
    assert pieces.truncation() == whole.truncation()
    assert pieces.truncation().content == data.decode("utf-8-sig", "replace")


def test_a_short_output_makes_no_file(temporary: Path):
    output = OutputTail()
    output.add(b"x\n" * 2000)
    output.close()
    assert (output.path, list(temporary.iterdir())) == (None, [])


@pytest.mark.parametrize("data", [b"x\n" * 2001, b"\xff" * (MAX_BYTES // 3 + 1), b"x" * MAX_BYTES + b"\xe2"])
def test_past_a_limit_all_of_it_is_in_a_private_file(temporary: Path, data: bytes):
    output = OutputTail()
    for at in range(0, len(data), 1000):
        output.add(data[at : at + 1000])
    output.close()
    (file,) = temporary.iterdir()
    assert output.path == file
    assert file.read_bytes() == data
    assert file.name.startswith("pi-bash-")
    assert len(file.name) == len("pi-bash-.log") + 16
    if sys.platform != "win32":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("unit", [b"x", b"line\n", "é\n".encode(), b"\xff\xfe\n", b"y" * 70_000 + b"\n"])
def test_a_long_output_is_truncated_as_if_it_had_been_kept_whole(temporary: Path, unit: bytes):
    data = unit * (1_000_000 // len(unit))
    output = OutputTail()
    for at in range(0, len(data), 65_536):
        output.add(data[at : at + 65_536])
    output.close()
    assert output.truncation() == truncate_tail(data.decode(errors="replace"))


@pytest.mark.skipif(sys.platform == "win32", reason="limits the size of files with setrlimit")
def test_a_full_disk_stops_the_saving_only(tmp_path: Path):
    code = (
        "import resource; from pi.agent.output import OutputTail\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)); output = OutputTail()\n"
        "for _ in range(30): output.add(b'0123456\\n' * 1000)\n"
        "output.close(); print(output.path, output.problem, output.truncation().total_lines)"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout == "None File too large 30000\n"
    assert list(tmp_path.iterdir()) == []
