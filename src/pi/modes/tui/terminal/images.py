"""Pictures on a screen of lines: as coloured half blocks, or as cells that the terminal fills itself."""

from binascii import Error as Base64Error
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from pi.harness.settings import Settings
from pi.modes.tui.lines import Line, clean, clip
from pi.modes.tui.terminal.capabilities import in_tmux
from pi.modes.tui.terminal.colors import depth
from pi.modes.tui.terminal.placeholders import most_cells, placeholder_lines, upload

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["fitting", "image_lines", "kitty_upload", "placeholder_lines", "protocol"]

_MOST_PIXELS = 50_000_000  # larger ones take seconds and hundreds of MB, or want to
_MOST_BYTES = 64_000_000
_OPAQUE = 128  # of alpha's 255: below it the background is seen


def protocol(env: Mapping[str, str], settings: Settings) -> Literal["none", "cells", "kitty"]:
    """How pictures are shown: as settings, PI_IMAGE_PROTOCOL or the terminal's name say."""
    if not settings.flag("terminal.showImages"):
        return "none"
    said = settings.get("terminal.images")
    if said in (None, "auto", True):
        said = env.get("PI_IMAGE_PROTOCOL", "").lower()
    if said is False or said == "none":
        return "none"
    if said == "kitty":
        return "kitty"
    if said not in ("iterm2", "cells") and _is_kitty(env):
        return "kitty"
    # iTerm2's pictures lie over the lines instead of among them, so it gets blocks like all others
    return "cells" if depth(env, settings) in ("truecolor", "256") else "none"


def _is_kitty(env: Mapping[str, str]) -> bool:
    """Whether the terminal knows placeholders, and nothing stands between."""
    term = env.get("TERM", "").lower()
    if in_tmux(env) or term.startswith("screen"):
        return False
    program = env.get("TERM_PROGRAM", "").lower()
    names = ("KITTY_WINDOW_ID", "GHOSTTY_RESOURCES_DIR")
    return program in ("kitty", "ghostty") or "kitty" in term or "ghostty" in term or any(map(env.get, names))


def image_lines(data: bytes | str, mime: str, width: int, max_height: int) -> list[Line]:
    """The picture (bytes or base64) as half blocks; a line that says so when it can't be shown."""
    raw = _bytes(data)
    picture = _opened(raw, width, 2 * max_height) if width > 0 and max_height > 0 else None
    return _blocks(picture) if picture is not None else [_unshown(raw, mime, width)]


def fitting(data: bytes | str, width: int, max_height: int) -> tuple[int, int] | None:
    """Columns and rows of the picture at its own proportions; None when it can't be shown."""
    picture = _opened(_bytes(data), width, 2 * max_height, pixels=False)
    if picture is None:
        return None
    return min(picture.width, most_cells()), min((picture.height + 1) // 2, most_cells())


def kitty_upload(data: bytes | str, image: int, cols: int, rows: int) -> str:
    """What to write once before `placeholder_lines(image, cols, rows)` are shown; "" for a broken picture."""
    from io import BytesIO

    raw = _bytes(data)
    if not raw.startswith(b"\x89PNG\r\n\x1a\n"):
        picture = _opened(raw, cols * 20, rows * 40)  # about the pixels of so many cells
        if picture is None:
            return ""
        out = BytesIO()
        picture.save(out, "PNG")
        raw = out.getvalue()
    return upload(raw, image, cols, rows)


def _bytes(data: bytes | str) -> bytes:
    if isinstance(data, bytes):
        return data
    from base64 import b64decode

    try:
        return b64decode(data)
    except (Base64Error, ValueError):
        return b""


def _unshown(raw: bytes, mime: str, width: int) -> Line:
    size = len(raw)
    shown = (
        f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{round(size / 1000)} KB" if size >= 1000 else f"{size} B"
    )
    return clip(((f"[{clean(mime[:60]) or 'image'}, {shown}: can't be shown]", "muted"),), width)


def _opened(raw: bytes, width: int, height: int, *, pixels: bool = True) -> "Image | None":
    """The picture, upright, in at most so many pixels, never enlarged; without `pixels` only its size."""
    from io import BytesIO
    from warnings import catch_warnings, simplefilter

    from PIL import Image, ImageOps

    if not raw or len(raw) > _MOST_BYTES:
        return None
    try:
        with catch_warnings():
            simplefilter("ignore")  # Pillow warns of large ones, which are refused here
            picture = Image.open(BytesIO(raw))
            if picture.width * picture.height > _MOST_PIXELS:
                return None
            turned = picture.getexif().get(0x0112, 1) in (5, 6, 7, 8)
            if not pixels:
                size = (picture.height, picture.width) if turned else picture.size
                return Image.new("1", _fit(size, width, height))
            target = _fit((picture.height, picture.width) if turned else picture.size, width, height)
            picture.draft("RGB", (2 * max(target), 2 * max(target)))  # quick for large JPEGs
            upright = ImageOps.exif_transpose(picture).convert("RGBA")
            return upright.resize(target, Image.Resampling.BOX)  # pyright: ignore[reportUnknownMemberType]
    except Exception:  # foreign files in foreign decoders, which raise all sorts of errors
        return None


def _fit(size: tuple[int, int], width: int, height: int) -> tuple[int, int]:
    scale = min(1.0, width / max(size[0], 1), height / max(size[1], 1))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _blocks(picture: "Image") -> list[Line]:
    """Two pixels a cell: the upper is the letter's colour, the lower its background's."""
    raw, width, height = picture.tobytes(), picture.width, picture.height
    lines: list[Line] = []
    for top in range(0, height, 2):
        row: list[tuple[str, str]] = []
        for column in range(width):
            upper = _pixel(raw, (top * width + column) * 4)
            lower = _pixel(raw, ((top + 1) * width + column) * 4) if top + 1 < height else ""
            text, style = _cell(upper, lower)
            if row and row[-1][1] == style and row[-1][0][0] == text:
                row[-1] = (row[-1][0] + text, style)
            else:
                row.append((text, style))
        lines.append(tuple(row))
    return lines


def _cell(upper: str, lower: str) -> tuple[str, str]:
    if upper and lower:
        return "▀", f"fg:{upper} on:{lower}"
    if upper:
        return "▀", f"fg:{upper}"
    return ("▄", f"fg:{lower}") if lower else (" ", "")


def _pixel(raw: bytes, at: int) -> str:
    return f"#{raw[at : at + 3].hex()}" if raw[at + 3] >= _OPAQUE else ""
