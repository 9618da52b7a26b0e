"""Images for models: what a file holds, and how it gets within the limits of a request."""

from base64 import b64encode
from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec import Struct

from pi.llm.messages import Image
from pi.llm.models import Model

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

SNIFF_BYTES = 4100  # the type is told from so much of a file
_QUALITIES = (85, 70, 55, 40)
_UNREADABLE = "[Image omitted: could not be converted to a supported inline image format.]"
_TOO_LARGE = "[Image omitted: could not be resized below the inline image size limit.]"


class ResizeLimits(Struct, frozen=True, rename="camel"):
    """What an image may have: pixels, and bytes when it is base64; `jpeg_quality` is the first one tried."""

    max_width: int = 2000
    max_height: int = 2000
    max_bytes: int = 4_718_592  # Anthropic takes 5 MB
    jpeg_quality: int = 80


class LoadedImage(Struct, frozen=True):
    """An image as a model gets it, or None and a note why not; `note` also tells what was done to it."""

    image: Image | None
    note: str | None
    mime_type: str


class _ImageLimits(Struct, frozen=True):
    resize: ResizeLimits = ResizeLimits()


class _InputLimits(Struct, frozen=True):
    images: _ImageLimits = _ImageLimits()


def resize_limits(model: Model) -> ResizeLimits:
    """The model's own limits (`inputLimits.images.resize`) over the usual ones."""
    from msgspec import ValidationError, convert

    try:
        return convert(model.input_limits or {}, _InputLimits).images.resize
    except ValidationError:  # what nobody can read limits nothing
        return ResizeLimits()


def detect_image_type(head: bytes) -> str | None:
    """The media type of a file that begins with `head` (4,100 bytes are enough), if models take it or can.

    Animated PNG are none; BMP is one because it can be converted.
    """
    if head.startswith(b"\xff\xd8\xff") and head[3:4] != b"\xf7":  # F7 is lossless JPEG
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR") and not _is_animated(head[:SNIFF_BYTES]):
        return "image/png"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    return "image/bmp" if _is_bmp(head) else None


def load_image(
    data: bytes,
    *,
    auto_resize: bool,
    limits: ResizeLimits = ResizeLimits(),  # noqa: B008 (frozen)
) -> LoadedImage | None:
    """`data` as an image within `limits`, or unchanged without `auto_resize`; None if it is no image.

    BMP becomes PNG. May take a second, so not in the event loop.
    """
    mime_type = detect_image_type(data)
    if not mime_type:
        return None
    if mime_type != "image/bmp" and (not auto_resize or _fits_as_it_is(data, mime_type, limits)):
        return LoadedImage(_block(data, mime_type), None, mime_type)
    try:
        return _process(data, mime_type, limits if auto_resize else None)
    except Exception:  # foreign code: Pillow raises errors of many types for broken images
        return LoadedImage(None, _UNREADABLE if mime_type == "image/bmp" else _TOO_LARGE, mime_type)


def _is_animated(head: bytes) -> bool:
    at = 8
    while at + 8 <= len(head):
        match head[at + 4 : at + 8]:
            case b"acTL":
                return True
            case b"IDAT":
                return False
            case _:
                at += 12 + int.from_bytes(head[at : at + 4])
    return False


def _is_bmp(head: bytes) -> bool:
    if not head.startswith(b"BM") or len(head) < 30:  # text can begin so, too
        return False
    size, pixels, header = (int.from_bytes(head[at : at + 4], "little") for at in (2, 10, 14))
    if (size and (size < 26 or pixels >= size)) or pixels < 14 + header:
        return False
    if header != 12 and not 40 <= header <= 124:
        return False
    at = 22 if header == 12 else 26
    planes, bits = (int.from_bytes(head[at + skip : at + skip + 2], "little") for skip in (0, 2))
    return planes == 1 and bits in (1, 4, 8, 16, 24, 32)


def _fits_as_it_is(data: bytes, mime_type: str, limits: ResizeLimits) -> bool:
    """Whether the image plainly needs no change; if that is hard to tell, no."""
    size = _size(data, mime_type)
    side = min(limits.max_width, limits.max_height)  # the image may have to be turned
    return bool(size and all(size) and max(size) <= side) and _encoded_size(data) < limits.max_bytes


def _size(data: bytes, mime_type: str) -> tuple[int, int] | None:
    """Width and height by the header, without Pillow; None if the file isn't whole or of a rarer kind.

    A provider refuses a conversation for good if an image in it is cut off.
    """
    match mime_type:
        case "image/png" if data.endswith(b"IEND\xaeB`\x82"):
            return int.from_bytes(data[16:20]), int.from_bytes(data[20:24])
        case "image/gif" if data.endswith(b";"):
            return int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little")
        case "image/jpeg" if data.endswith(b"\xff\xd9"):
            return _jpeg_size(data)
        case "image/webp" if int.from_bytes(data[4:8], "little") + 8 == len(data) and data[12:16] == b"VP8X":
            return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
        case _:
            return None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    at = 2
    while data[at : at + 1] == b"\xff" and at + 9 <= len(data):
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # a frame header
            return int.from_bytes(data[at + 7 : at + 9]), int.from_bytes(data[at + 5 : at + 7])
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
    return None


def _process(data: bytes, mime_type: str, limits: ResizeLimits | None) -> LoadedImage:
    """Decodes the image, converts it and, if there are limits, makes it fit. Raises if that fails."""
    picture = _decode(data)
    original = mime_type
    if mime_type == "image/bmp":
        data, mime_type = _encode(picture, "PNG"), "image/png"
    note = None
    if limits and not (
        picture.width <= limits.max_width
        and picture.height <= limits.max_height
        and _encoded_size(data) < limits.max_bytes
    ):
        data, mime_type, note = _shrink(picture, limits)
    if original == "image/bmp":
        converted = f"[Image converted from {original} to {mime_type}.]"
        note = f"{converted}\n{note}" if note else converted
    return LoadedImage(_block(data, mime_type), note, mime_type)


def _decode(data: bytes) -> "Picture":
    """The image, upright, in RGB or RGBA."""
    import warnings
    from io import BytesIO

    from PIL import Image as pillow
    from PIL import ImageOps

    with warnings.catch_warnings():  # up to twice Pillow's limit an image is fine, beyond it raises
        warnings.simplefilter("ignore", pillow.DecompressionBombWarning)
        picture = pillow.open(BytesIO(data))
    picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith("I"):  # 16 bits of grey
        grey = picture.convert("I").point(lambda value: value / 256)  # pyright: ignore[reportUnknownMemberType] (numpy)
        picture = grey.convert("L")
    return picture.convert("RGBA" if picture.has_transparency_data else "RGB")


def _shrink(picture: "Picture", limits: ResizeLimits) -> tuple[bytes, str, str]:
    """The largest version within the limits, its media type and a note; raises if there is none."""
    from PIL.Image import Resampling

    width, height = picture.size
    if width > limits.max_width:
        width, height = limits.max_width, _scaled(height, limits.max_width, width)
    if height > limits.max_height:
        width, height = _scaled(width, limits.max_height, height), limits.max_height
    while True:
        smaller = picture.resize((width, height), Resampling.LANCZOS)  # pyright: ignore[reportUnknownMemberType] (numpy)
        for data, mime_type in _encodings(smaller, limits):
            if _encoded_size(data) < limits.max_bytes:
                return data, mime_type, _size_note(picture.size, (width, height))
        if width == height == 1:
            raise ValueError("no version of the image is small enough")
        width, height = max(1, width * 3 // 4), max(1, height * 3 // 4)


def _scaled(length: int, wanted: int, given: int) -> int:
    return max(1, (2 * length * wanted + given) // (2 * given))


def _encodings(picture: "Picture", limits: ResizeLimits) -> Iterator[tuple[bytes, str]]:
    """The encodings to try: the smaller one of PNG and JPEG, the other, JPEG of lower qualities."""
    png, jpeg = _encode(picture, "PNG"), _encode(picture, "JPEG", limits.jpeg_quality)
    first = [(png, "image/png"), (jpeg, "image/jpeg")]
    yield from sorted(first, key=lambda encoding: len(encoding[0]))
    for quality in _QUALITIES:
        if quality != limits.jpeg_quality:
            yield _encode(picture, "JPEG", quality), "image/jpeg"


def _encode(picture: "Picture", kind: str, quality: int = 0) -> bytes:
    from io import BytesIO

    if kind == "JPEG" and picture.mode == "RGBA":  # it has no transparency: what was see-through gets white
        from PIL import Image as pillow

        opaque = pillow.new("RGB", picture.size, "white")
        opaque.paste(picture, mask=picture)
        picture = opaque
    buffer = BytesIO()
    picture.save(buffer, kind, **({"quality": quality} if quality else {}))
    return buffer.getvalue()


def _size_note(original: tuple[int, int], size: tuple[int, int]) -> str:
    from decimal import ROUND_HALF_UP, Decimal

    scale = Decimal(original[0] / size[0]).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return (
        f"[Image: original {original[0]}x{original[1]}, displayed at {size[0]}x{size[1]}. "
        f"Multiply coordinates by {scale} to map to original image.]"
    )


def _encoded_size(data: bytes) -> int:
    return (len(data) + 2) // 3 * 4


def _block(data: bytes, mime_type: str) -> Image:
    return Image(b64encode(data).decode(), mime_type)
