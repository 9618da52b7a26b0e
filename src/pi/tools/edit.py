"""edit: replaces exact pieces of one file's text."""

import os
from typing import Any, cast

from pi.agent.output import format_size
from pi.agent.tool import Tool, ToolContext, ToolError, ToolResult, text_result
from pi.tools.effects import edits
from pi.tools.mutation_queue import file_mutation, overwrite
from pi.tools.paths import access_error, error_code, open_file, refusal, resolve_path, well_formed

_MAX_BYTES = 1 << 29  # what JavaScript can hold as a string; four copies of the text are made
_DESCRIPTION = (
    "Replace exact text in one file. All edits are matched against the original file, so they must not "
    "overlap; merge changes that are close together."
)
_PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "path": {"type": "string", "description": "File to edit"},
        "edits": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "oldText": {"type": "string", "description": "Exact text, unique in the file and short"},
                    "newText": {"type": "string", "description": "What replaces it"},
                },
                "required": ["oldText", "newText"],
            },
        },
    },
    "required": ["path", "edits"],
}


def edit_tool() -> Tool:
    """The edit tool."""
    return Tool(
        name="edit",
        strict="prefer",
        description=_DESCRIPTION,
        parameters=_PARAMETERS,
        run=_edit,
        effects=edits,
        hints=("destructive",),
        snippet="Replace exact text in files, several places in one call",
        guidelines=("Use one edit call for all changes to a file; keep each oldText short but unique.",),
        prepare=_prepare,
    )


async def _edit(arguments: dict[str, Any], ctx: ToolContext) -> ToolResult:
    from pi.tools.diff import edit_diff  # together 2 ms that a start needs not
    from pi.tools.edit_text import Edit, apply_edits

    path: str = arguments["path"]
    edits = [Edit(edit["oldText"], well_formed(edit["newText"])) for edit in arguments["edits"]]
    if not edits:
        raise ToolError("Edit tool input is invalid. edits must contain at least one replacement.")
    file = resolve_path(path, ctx.cwd)
    async with file_mutation(file):
        if refused := access_error(file, os.R_OK | os.W_OK):
            raise ToolError(f"Could not edit file: {path}. Error code: {error_code(refused)}.")
        with open_file(file, path) as stream:
            size = os.fstat(stream.fileno()).st_size
            if size > _MAX_BYTES:
                raise ToolError(
                    f"{path} has {format_size(size)}, too much for edit. Use bash: sed -i or a script."
                )
            try:
                data = stream.read()
            except OSError as error:
                raise ToolError(refusal(error, "read")) from None
        # Bytes that are no UTF-8 go through unharmed, except in lines that an inexact match touches.
        applied = apply_edits(data.decode(errors="surrogateescape"), edits, path)
        changes = edit_diff(applied, path)
        overwrite(file, applied.text.encode(errors="surrogateescape"))
    details = {
        "diff": well_formed(changes.diff),
        "patch": well_formed(changes.patch),
        "firstChangedLine": changes.first_changed_line,
    }
    return text_result(f"Successfully replaced {len(edits)} block(s) in {path}.", details)


def _prepare(arguments: dict[str, Any]) -> dict[str, Any]:
    """Other forms that models write: `edits` as JSON text or as one edit, and its two texts at the top."""
    rest = dict(arguments)
    edits = rest.get("edits")
    if isinstance(edits, str):
        edits = _parse(edits)
    if _is_edit(edits):
        edits = [edits]
    if _is_edit(rest):
        edit = {"oldText": rest.pop("oldText"), "newText": rest.pop("newText")}
        edits = [*_as_list(edits), edit]
    return rest if edits is None else rest | {"edits": edits}


def _as_list(value: Any) -> list[Any]:
    return cast(list[Any], value) if isinstance(value, list) else []


def _parse(text: str) -> Any:
    import json

    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return cast(Any, value) if isinstance(value, list) or _is_edit(value) else text


def _is_edit(value: Any) -> bool:
    match value:
        case {"oldText": str(), "newText": str()}:
            return True
        case _:
            return False
