"""Writing a session as a page: the template's pieces go to the file as they come."""

import base64
import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pi.harness.export import figures
from pi.harness.export.cards import Teller
from pi.harness.export.markup import Html
from pi.harness.export.page import Colors
from pi.harness.export.secrets import Redactor
from pi.harness.export.talk import Talk
from pi.harness.storage.transfer import branch_of, read_bytes
from pi.platform.errors import PiError
from pi.platform.files import replacing
from pi.platform.terminal import plain

if TYPE_CHECKING:
    from jinja2 import Environment

_HERE = Path(__file__).parent / "templates"
_MARK = b'<meta name="generator" content="Pi for Python, session">'  # near the beginning of every page
_MARK_WITHIN = 400  # bytes
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_BLOCK = 1 << 16  # characters that go to the file at once


def export_html(
    source: Path,
    target: Path,
    *,
    leaf: str | None = None,
    branch: str | None = None,
    secrets: Iterable[str] = (),
    colors: Colors | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a session file as one page; the result is `target`.

    `leaf` is the entry whose branch is shown first, by default the last one; with `branch` there is only the
    branch that ends at this entry. `secrets` are replaced wherever they stand. A page that Pi has written
    before is replaced, any other file only with `overwrite`. Raises PiError for what is no session, for an
    unknown entry, and for what can't be written; then nothing of the target is changed.
    """
    data = read_bytes(source)
    _require_free(source, target, overwrite)
    try:
        talk = Talk(branch_of(data, branch) if branch else data, Redactor(secrets), branch or leaf)
    except PiError as error:
        raise PiError(f"{source} can't be exported: {error}") from None
    del data
    try:
        with replacing(target) as file:
            for piece in _pieces(talk, colors or Colors()):
                file.write(plain(piece).encode("utf-8", "replace"))
    except OSError as error:
        raise PiError(f"Can't write {target}: {error.strerror}. Name a file in another folder.") from error
    return target


def _require_free(source: Path, target: Path, overwrite: bool) -> None:
    if target.is_dir():
        raise PiError(f"{target} is a folder. Name a file in it.")
    if not target.parent.is_dir():
        raise PiError(f"There is no folder {target.parent}. Make it, or name a file in another one.")
    if not target.exists():
        return
    if target.samefile(source) or not (overwrite or _is_ours(target)):
        raise PiError(f"{target} is there already. Name another file, or move that one away.")


def _is_ours(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return _MARK in file.read(_MARK_WITHIN)
    except OSError:
        return False


def _pieces(talk: Talk, colors: Colors) -> Iterator[str]:
    """The page, in pieces of a size at which writing costs little."""
    teller = Teller(talk)
    style, script = _text("page.css") + _own_colors(colors), _text("page.js")
    data = {"parents": talk.parents, "leaf": talk.leaf}
    page = _environment().get_template("page.html")
    waiting: list[str] = []
    size = 0
    for piece in page.generate(
        mark=Html(_MARK.decode()),
        policy=_policy(style, script),
        style=Html(style),
        script=Html(script),
        data=Html(script_json(data)),
        facts=talk.facts(),
        rows=talk.rows(),
        cards=teller.cards(),
        others=teller.others(),
    ):
        waiting.append(piece)
        size += len(piece)
        if size >= _BLOCK:
            yield "".join(waiting)
            waiting, size = [], 0
    yield "".join(waiting)


def script_json(value: Any) -> str:
    """JSON that ends no script element and is JavaScript, too."""
    import json

    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _policy(style: str, script: str) -> str:
    """What a browser lets this page do: nothing but its own style, its own script and images inside of it."""
    own = f"style-src {_hashed(style)}; script-src {_hashed(script)}; img-src data:"
    return f"default-src 'none'; {own}; base-uri 'none'; form-action 'none'"


def _hashed(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _own_colors(colors: Colors) -> str:
    """A theme's backgrounds, for pages that are as light or dark as it."""
    named = (("page", colors.page), ("card", colors.card), ("info", colors.info))
    given = {name: color for name, color in named if _COLOR.fullmatch(color)}
    if not given:
        return ""
    body = "".join(f"--{colors.appearance}-{name}: {color};" for name, color in given.items())
    return f"\n:root {{{body}}}\n"


@lru_cache(4)
def _text(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


@lru_cache(1)
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(os.fspath(_HERE)),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Any] = {"moment": figures.moment, "machine_time": figures.machine_time}
    environment.filters.update(filters)  # pyright: ignore[reportUnknownMemberType]
    return environment
