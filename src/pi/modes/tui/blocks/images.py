"""The images of a message, as lines: pictures where the terminal can, else what kind they are."""

from collections.abc import Iterable

from pi.llm.messages import Image
from pi.modes.tui.blocks.block import Look
from pi.modes.tui.lines import Line, clean, clip

_HEIGHT = 24  # lines of one picture


def pictures(images: Iterable[Image], width: int, look: Look) -> list[Line]:
    """The images, one below the other."""
    out: list[Line] = []
    for image in images:
        out += _picture(image, width, look) or [_named(image, width)]
    return out


def _named(image: Image, width: int) -> Line:
    return clip(((f"[{clean(image.mime_type[:60]) or 'image'}]", "muted"),), width)


def _picture(image: Image, width: int, look: Look) -> list[Line]:
    if look.images == "none":
        return []
    size = (min(width, look.image_width), _HEIGHT)
    if look.gallery is not None:
        return look.gallery.lines(image.data, *size) or []
    from pi.modes.tui.terminal.images import image_lines

    return image_lines(image.data, image.mime_type, *size)
