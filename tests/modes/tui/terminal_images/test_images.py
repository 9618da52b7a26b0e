"""Pictures become lines of a terminal, and a broken or monstrous one a word."""

import re
import struct
import zlib
from base64 import b64decode, b64encode
from io import BytesIO

import pytest
from PIL import Image

from pi.harness.settings import Settings
from pi.modes.tui.lines import text_of, width_of
from pi.modes.tui.terminal.images import (
    fitting,
    image_lines,
    kitty_upload,
    placeholder_lines,
    protocol,
)
from pi.modes.tui.terminal.placeholders import most_cells


def png(*rows: str, colors: dict[str, tuple[int, int, int, int]] | None = None) -> bytes:
    """A picture of letters, each a colour."""
    known = colors or {"r": (255, 0, 0, 255), "b": (0, 0, 255, 255), ".": (0, 0, 0, 0)}
    picture = Image.new("RGBA", (len(rows[0]), len(rows)))
    picture.putdata([known[letter] for row in rows for letter in row])
    return saved(picture)


def saved(picture: Image.Image, kind: str = "PNG") -> bytes:
    """The bytes of its file."""
    out = BytesIO()
    picture.save(out, kind)
    return out.getvalue()


def test_a_cell_is_two_pixels():
    assert image_lines(png("rrb.", "bb.b", "rr.."), "image/png", 80, 20) == [
        (("▀▀", "fg:#ff0000 on:#0000ff"), ("▀", "fg:#0000ff"), ("▄", "fg:#0000ff")),
        (("▀▀", "fg:#ff0000"), ("  ", "")),
    ]


def test_base64_is_taken_too():
    data = png("r", "b")
    assert image_lines(b64encode(data).decode(), "image/png", 9, 9) == image_lines(data, "image/png", 9, 9)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "BMP"])
def test_large_pictures_fit(kind: str):
    data = saved(Image.new("RGB", (400, 200), (10, 20, 30)), kind)
    lines = image_lines(data, f"image/{kind.lower()}", 40, 24)
    assert (len(lines), {width_of(line) for line in lines}) == (10, {40})
    assert fitting(data, 40, 24) == (40, 10)
    assert fitting(data, 400, 5) == (20, 5)


def bomb() -> bytes:
    """A PNG of a few bytes that says it has 10^10 pixels."""
    head = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\0" * 99))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("data", [b"", b"x" * 12_000, bomb(), png("rb" * 50)[:-30], "no base64!"])
def test_what_cant_be_shown_is_a_word(data: bytes | str):
    (line,) = image_lines(data, "image/png\x1b[2J", 60, 20)
    assert re.fullmatch(r"\[image/png, \d+ K?B: can't be shown\]", text_of(line))


def test_the_word_fits_too():
    assert text_of(image_lines(b"x" * 12_000, "image/png", 60, 20)[0]) == "[image/png, 12 KB: can't be shown]"
    assert width_of(image_lines(b"x", "image/png", 10, 20)[0]) == 10


def test_an_upload_is_chunked_and_complete():
    picture = Image.effect_noise((120, 120), 50)
    data = saved(picture)
    found = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", kitty_upload(data, 7, 12, 6))
    assert [head for head, _ in found] == [
        "a=T,U=1,f=100,t=d,q=2,i=7,c=12,r=6,m=1",
        *["q=2,m=1"] * (len(found) - 2),
        "q=2,m=0",
    ]
    assert b64decode("".join(text for _, text in found)) == data
    assert max(len(text) for _, text in found) <= 4096


def test_other_pictures_are_uploaded_as_png():
    sent = kitty_upload(saved(Image.new("RGB", (9, 9)), "JPEG"), 1, 1, 1)
    assert b64decode(sent.split(";", 1)[1].removesuffix("\x1b\\"))[:4] == b"\x89PNG"
    assert kitty_upload(b"broken", 1, 1, 1) == ""


def test_placeholders_number_their_cells():
    lines = placeholder_lines(0x0102FF, 2, 2)
    assert lines == [
        (("\U0010eeee\u0305\u0305\U0010eeee\u0305\u030d", "fg:#0102ff"),),
        (("\U0010eeee\u030d\u0305\U0010eeee\u030d\u030d", "fg:#0102ff"),),
    ]
    assert [width_of(line) for line in placeholder_lines(1, 60, 2)] == [60, 60]
    assert most_cells() == 297


@pytest.mark.parametrize(
    ("env", "settings", "expected"),
    [
        ({"TERM": "xterm-kitty"}, {}, "kitty"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "ghostty"}, {}, "kitty"),
        ({"TERM": "tmux-256color", "TMUX": "x", "KITTY_WINDOW_ID": "1"}, {}, "cells"),
        ({"TERM": "xterm-256color"}, {}, "cells"),
        ({"TERM": "linux"}, {}, "none"),
        ({"TERM": "xterm-kitty", "NO_COLOR": "1", "PI_IMAGE_PROTOCOL": "none"}, {}, "none"),
        ({"TERM": "xterm-256color", "PI_IMAGE_PROTOCOL": "kitty"}, {}, "kitty"),
        ({"TERM": "xterm-256color", "PI_IMAGE_PROTOCOL": "iterm2"}, {}, "cells"),
        ({"TERM": "xterm-kitty", "PI_IMAGE_PROTOCOL": "kitty"}, {"images": False}, "none"),
        ({"TERM": "xterm-kitty", "PI_IMAGE_PROTOCOL": "none"}, {"images": "kitty"}, "kitty"),
        ({"TERM": "xterm-kitty"}, {"showImages": False}, "none"),
    ],
)
def test_the_protocol_is_what_settings_and_environment_say(
    env: dict[str, str], settings: dict[str, object], expected: str
):
    assert protocol(env, Settings({"terminal": settings})) == expected
