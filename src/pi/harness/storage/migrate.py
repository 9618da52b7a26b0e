"""Session files of versions 1 and 2, brought to version 3 without touching what they don't concern."""

import os
from pathlib import Path
from typing import Any

from msgspec import UNSET

from pi.harness.storage.entries import VERSION, dump_json, load_json
from pi.platform.errors import PiError


def migrate(lines: list[bytes]) -> list[bytes]:
    """The lines of a file, header first, as version 3; the same list when they already are.

    Version 1 had no tree: entries get ids and parents in their order, and a compaction's index becomes an id.
    Version 2 called the role "custom" "hookMessage". Fields that this doesn't concern keep their bytes.
    """
    version = (load_json(lines[0]) or {}).get("version") or 1
    if not isinstance(version, int | float) or version >= VERSION:
        return lines
    read = [(line, value) for line in lines if (value := load_json(line)) is not None]
    lines, values = [line for line, _ in read], [value for _, value in read]
    changes: list[dict[str, Any]] = [{} for _ in lines]
    if version < 2:
        _grow_tree(values, changes)
    for value, change in zip(values, changes, strict=True):
        match value:
            case {"type": "message", "message": {"role": "hookMessage", **rest}}:
                change["message"] = {"role": "custom", **rest}
            case _:
                pass
    changes[0]["version"] = VERSION
    return [_changed(*line) for line in zip(lines, values, changes, strict=True)]


def rewrite(path: Path, lines: list[bytes]) -> None:
    """Replace a session file at once, keeping its mode; a link stays one. Raises PiError."""
    from pi.platform.files import write_atomic  # few files are that old

    try:
        write_atomic(path, b"".join(line.rstrip() + b"\n" for line in lines))
    except OSError as error:
        raise PiError(
            f"Can't bring the old session file {path} to the current format: {error.strerror}. "
            "Make its folder writable, or copy the file elsewhere and open the copy."
        ) from error


def _grow_tree(values: list[dict[str, Any]], changes: list[dict[str, Any]]) -> None:
    ids: dict[str | None, None] = {None: None}  # in order, as version 1 counted: the header is number 0
    parent = None
    for value, change in zip(values[1:], changes[1:], strict=True):
        while (new := os.urandom(4).hex()) in ids:
            pass
        change.update(id=new, parentId=parent)
        match value:
            case {"type": "compaction", "firstKeptEntryIndex": int(kept)}:
                change["firstKeptEntryIndex"] = UNSET
                if 0 < kept < len(ids):
                    change["firstKeptEntryId"] = list(ids)[kept]
            case _:
                pass
        ids[new] = None
        parent = new


def _changed(line: bytes, value: dict[str, Any], change: dict[str, Any]) -> bytes:
    """A line with fields added at its end, or written anew where it has one of them already."""
    if not change:
        return line
    if value.keys().isdisjoint(change):
        return line.rstrip()[:-1] + b"," + dump_json(change)[1:]
    return dump_json({name: field for name, field in {**value, **change}.items() if field is not UNSET})
