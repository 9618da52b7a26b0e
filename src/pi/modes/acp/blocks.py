"""What the user sends as text, pictures and files becomes one prompt; files stand before it, like @files."""

import asyncio
import base64
import binascii
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from acp import RequestError
from acp.schema import (
    AudioContentBlock,
    EmbeddedResourceContentBlock,
    ImageContentBlock,
    ResourceContentBlock,
    TextContentBlock,
    TextResourceContents,
)
from msgspec import Struct

from pi.llm.messages import Image
from pi.modes.acp.clean import shown
from pi.modes.acp.failures import INVALID

Block = (
    TextContentBlock
    | ImageContentBlock
    | AudioContentBlock
    | ResourceContentBlock
    | EmbeddedResourceContentBlock
)
_EMBEDDED = 256 * 1024  # bytes of a linked file; a larger one is named, and the model reads what it needs


class Said(Struct, frozen=True):
    """A prompt as a session takes it; `title` is its first line."""

    text: str
    images: tuple[Image, ...] = ()

    @property
    def title(self) -> str:
        """What a list of sessions shows of it."""
        lines = [line.strip() for line in self.text.splitlines() if line.strip()]
        first = next((line for line in lines if not line.startswith("<file ")), "")
        return first if len(first) <= 80 else first[:79] + "…"


async def read_prompt(blocks: Sequence[Block]) -> Said:
    """Put the blocks together. Raises RequestError for what can't be sent to a model."""
    return await asyncio.to_thread(_read, blocks)  # files and pictures take their time


def _read(blocks: Sequence[Block]) -> Said:
    text, files, notes = "", "", list[str]()
    images: list[Image] = []
    for block in blocks:
        match block:
            case TextContentBlock():
                text += block.text
            case ImageContentBlock():
                _take_image(_bytes(block.data), images, notes)
            case AudioContentBlock():
                raise RequestError(INVALID, "Pi takes no audio. Send text, images or files.")
            case ResourceContentBlock():
                text += f"@{block.name}"
                files += _linked(block, images, notes)
            case EmbeddedResourceContentBlock(resource=TextResourceContents() as resource):
                text += f"@{_short(resource.uri)}"
                files += _file(_name(resource.uri), resource.text)
            case EmbeddedResourceContentBlock(resource=resource):
                text += f"@{_short(resource.uri)}"
                files += _of_bytes(_name(resource.uri), _bytes(resource.blob), images, notes)
    said = "\n\n".join([text, *notes])
    if said.lstrip().startswith("/"):  # a command keeps its place; what it is about follows
        return Said(f"{said}\n\n{files}" if files else said, tuple(images))
    return Said(files + said, tuple(images))


def _linked(block: ResourceContentBlock, images: list[Image], notes: list[str]) -> str:
    """What a link to a file brings along; other links are left to the model."""
    path = _path(block.uri)
    if path is None:
        notes.append(f"{block.name}: {block.uri}")
        return ""
    if path.is_dir():
        return f'<file name="{path}"></file>\n'
    try:
        size = path.stat().st_size
        if size > _EMBEDDED:
            notes.append(f"{path} has {size:,} bytes and is not included: read the parts that you need.")
            return f'<file name="{path}"></file>\n'
        data = path.read_bytes()
    except OSError as error:
        raise RequestError(
            INVALID, f"Can't read {path}: {error.strerror}. Save the file, or take the link out."
        ) from error
    return _of_bytes(_name(block.uri), data, images, notes)


def _of_bytes(name: str, data: bytes, images: list[Image], notes: list[str]) -> str:
    if _take_image(data, images, notes, required=False):
        return f'<file name="{name}"></file>\n'
    return _file(name, data.decode("utf-8", "replace").removeprefix("\ufeff"))


def _file(name: str, text: str) -> str:
    return f'<file name="{name}">\n{text}\n</file>\n'


def _take_image(data: bytes, images: list[Image], notes: list[str], *, required: bool = True) -> bool:
    from pi.tools.images import load_image

    loaded = load_image(data, auto_resize=True)
    if loaded is None:
        if required:
            raise RequestError(
                INVALID, "An image is in no format that Pi knows. Send PNG, JPEG, GIF or WebP."
            )
        return False
    if loaded.image is not None:
        images.append(loaded.image)
    if loaded.note:
        notes.append(loaded.note)
    return True


def _bytes(data: str) -> bytes:
    try:
        return base64.b64decode(data, validate=False)
    except (binascii.Error, ValueError):
        raise RequestError(INVALID, "A block's data is no base64.") from None


def _path(uri: str) -> Path | None:
    """The file that a URI or an absolute path names; None for anything else."""
    parts = urlsplit(uri)
    if parts.scheme == "file":
        return Path(url2pathname(parts.path))
    return Path(uri) if not parts.scheme and uri.startswith("/") else None


def _name(uri: str) -> str:
    """A file's path with the lines that were chosen in it ("#L3-9"); other URIs as they are."""
    path = _path(uri)
    if path is None:
        return uri
    chosen = unquote(urlsplit(uri).fragment)
    return f"{path}#{chosen}" if chosen else str(path)


def _short(uri: str) -> str:
    return shown(_name(uri).rstrip("/").rsplit("/", 1)[-1])
