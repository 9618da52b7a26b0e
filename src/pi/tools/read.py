"""read: shows a part of a text file, or an image."""

import asyncio
import codecs
import os
import sys
from io import BufferedReader
from typing import Any

from msgspec import to_builtins
from msgspec.structs import replace

from pi.agent.output import MAX_BYTES, Truncation, format_size, truncate_head
from pi.agent.tool import Tool, ToolContext, ToolError, ToolResult, text_result
from pi.llm.messages import Text
from pi.llm.models import Model
from pi.tools.effects import reads
from pi.tools.images import SNIFF_BYTES, detect_image_type, load_image, resize_limits
from pi.tools.paths import access_error, open_file, refusal, resolve_read_path

_CHUNK = 1 << 18
_KEPT = MAX_BYTES + 2  # characters; so many that truncation decides as it would on the whole text
_DESCRIPTION = (
    "Read a text file or an image (jpg, png, gif, webp, bmp). Text stops at 2000 lines or 50KB; "
    "go on with offset."
)
_PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "path": {"type": "string", "description": "File to read"},
        "offset": {"type": "number", "description": "First line, from 1"},
        "limit": {"type": "number", "description": "Number of lines"},
    },
    "required": ["path"],
}
_NO_VISION = "[Current model does not support images. The image will be omitted from this request.]"


def read_tool(*, auto_resize_images: bool = True) -> Tool:
    """The read tool; without `auto_resize_images`, images of any size go to the model as they are."""

    async def read(arguments: dict[str, Any], ctx: ToolContext) -> ToolResult:
        path: str = arguments["path"]
        file = resolve_read_path(path, ctx.cwd)
        if refused := access_error(file, os.R_OK):
            raise ToolError(refusal(refused, "access", file))
        with open_file(file, path) as stream:
            try:
                if detect_image_type(stream.peek(SNIFF_BYTES)):
                    return await _image(stream.read(), ctx.model, auto_resize_images)
                return await _text(stream, path, arguments.get("offset"), arguments.get("limit"))
            except OSError as error:
                raise ToolError(refusal(error, "read")) from None

    return Tool(
        name="read",
        strict="prefer",
        description=_DESCRIPTION,
        parameters=_PARAMETERS,
        run=read,
        effects=reads,
        hints=("read_only", "idempotent"),
        snippet="Read text files and images",
        guidelines=("Use read, not cat or sed, to look at files.",),
    )


async def _image(data: bytes, model: Model, auto_resize: bool) -> ToolResult:
    # In a thread: to decode and encode a photo takes a second.
    loaded = await asyncio.to_thread(load_image, data, auto_resize=auto_resize, limits=resize_limits(model))
    assert loaded
    notes = [f"Read image file [{loaded.mime_type}]"]
    if loaded.note:
        notes.append(loaded.note)
    if "image" not in model.input:
        notes.append(_NO_VISION)
    text = Text("\n".join(notes))
    return ToolResult((text, loaded.image) if loaded.image else (text,))


async def _text(stream: BufferedReader, path: str, offset: float | None, limit: float | None) -> ToolResult:
    start = max(int(offset) - 1, 0) if offset else 0
    end = None if limit is None else start + max(int(limit), 0)
    chosen = await _select(stream, start, end)
    total = chosen.total_lines
    if start >= total:
        raise ToolError(f"Offset {start + 1} is beyond end of file ({total} lines total)")
    cut = chosen.truncation
    details = {"truncation": to_builtins(cut)}
    if cut.first_line_exceeds_limit:
        size, most = format_size(chosen.first_line_bytes), format_size(MAX_BYTES)
        return text_result(
            f"[Line {start + 1} is {size}, exceeds {most} limit. "
            f"Use bash: sed -n '{start + 1}p' {path} | head -c {MAX_BYTES}]",
            details,
        )
    if cut.truncated:
        last = start + cut.output_lines
        why = "" if cut.truncated_by == "lines" else f" ({format_size(MAX_BYTES)} limit)"
        notice = f"[Showing lines {start + 1}-{last} of {total}{why}. Use offset={last + 1} to continue.]"
        return text_result(f"{cut.content}\n\n{notice}", details)
    if end is not None and end < total:
        notice = f"[{total - end} more lines in file. Use offset={end + 1} to continue.]"
        return text_result(f"{cut.content}\n\n{notice}")
    return text_result(cut.content)


class _Selection:
    """The lines from `start` to `end` (from 0, without `end`) of a text that comes in pieces.

    Its memory doesn't grow with the text. A newline at the very end of the text opens one more, empty line.
    """

    def __init__(self, start: int, end: int | None):
        self.first_line_bytes = 0
        self._start = start
        self._end = end
        self._newlines = 0  # of the whole text
        self._shown: list[str] = []
        self._shown_chars = 0
        self._selected_bytes = 0
        self._selected_newlines = 0
        self._open_line = False  # the selected text ends without a newline

    @property
    def total_lines(self) -> int:
        """All lines of the text, also those that are not selected."""
        return self._newlines + 1

    @property
    def truncation(self) -> Truncation:
        """What to show of the selected lines."""
        lines = self._selected_newlines + self._open_line
        cut = truncate_head("".join(self._shown))
        return replace(cut, total_lines=lines, total_bytes=self._selected_bytes)

    def add(self, text: str) -> None:
        """Takes the next piece."""
        passed = self._newlines
        self._newlines += text.count("\n")
        if self._newlines < self._start or (self._end is not None and passed >= self._end):
            return
        begin, stop = _after_newlines(text, self._start - passed), len(text)
        if self._end is not None and self._newlines >= self._end:
            stop = _after_newlines(text, self._end - passed) - 1
        if begin < stop:
            self._select(text[begin:stop])

    def _select(self, text: str) -> None:
        data = text.encode()
        if not self._selected_newlines:
            self.first_line_bytes += len(data.partition(b"\n")[0])
        if self._shown_chars < _KEPT:
            self._shown.append(text[:_KEPT])
            self._shown_chars += len(text[:_KEPT])
        self._selected_bytes += len(data)
        self._selected_newlines += data.count(b"\n")
        self._open_line = not data.endswith(b"\n")


def _after_newlines(text: str, count: int) -> int:
    """The index behind the first `count` newlines, which `text` must have."""
    at = 0
    for _ in range(count):
        at = text.index("\n", at) + 1
    return at


async def _select(stream: BufferedReader, start: int, end: int | None) -> _Selection:
    """Reads a file once to its end, the one it has now: it may grow meanwhile.

    Other tasks get their turn after each chunk; the reading can be cancelled there.
    """
    selection = _Selection(start, end)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    left = os.fstat(stream.fileno()).st_size or sys.maxsize  # files in /proc have no size, but an end
    while left and (data := stream.read(min(left, _CHUNK))):
        left -= len(data)
        selection.add(decoder.decode(data))
        if left:
            await asyncio.sleep(0)
    selection.add(decoder.decode(b"", final=True))
    return selection
