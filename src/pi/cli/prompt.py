"""The first prompt: piped text, @files and the first message, in this order; images go beside it."""

import os
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from pi.cli.options import Options
from pi.llm.messages import Image
from pi.platform.errors import PiError


class Prompt(Struct, frozen=True):
    """The prompts to run in order; `images` belong to the first."""

    texts: tuple[str, ...]
    images: tuple[Image, ...] = ()


def build_prompt(options: Options, *, stdin: str | None) -> Prompt:
    """Put the prompts together; raises PiError for an @file that can't be read."""
    files, images, notes = _read_files(options.files)
    first = (stdin or "") + files + (options.messages[0] if options.messages else "")
    if notes:
        first += "\n\n" + "\n".join(notes)
    return Prompt(((first,) if first else ()) + tuple(options.messages[1:]), tuple(images))


def _read_files(names: Sequence[str]) -> tuple[str, list[Image], list[str]]:
    texts: list[str] = []
    images: list[Image] = []
    notes: list[str] = []
    for name in names:
        from pi.tools.images import load_image
        from pi.tools.paths import resolve_read_path

        path = Path(resolve_read_path(name, Path.cwd()))
        data = _read(path)
        if not data:
            continue
        loaded = load_image(data, auto_resize=True)
        if loaded is None:
            text = data.decode("utf-8", "replace").removeprefix("\ufeff")
            texts.append(f'<file name="{path}">\n{text}\n</file>\n')
            continue
        texts.append(f'<file name="{path}"></file>\n')
        if loaded.image is not None:
            images.append(loaded.image)
        if loaded.note:
            notes.append(loaded.note)
    return "".join(texts), images, notes


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise PiError(f"File not found: {path}") from None
    except OSError as error:
        raise PiError(f"Can't read {path}: {error.strerror}. Name a readable file after @.") from None


def piped_text() -> str:
    """What stdin has to say."""
    pieces: list[bytes] = []
    try:
        while piece := os.read(0, 1 << 20):
            pieces.append(piece)
    except OSError:  # a stdin that can't be read says nothing
        pass
    return b"".join(pieces).decode("utf-8", "replace").strip()
