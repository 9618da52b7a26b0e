"""edit: results as recorded, and the forms of arguments that models write."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

from pi.agent.tool import ToolContext, ToolError, ToolResult
from pi.llm.messages import Text
from pi.llm.models import Model
from pi.tools.edit import edit_tool

A, B = {"oldText": "a", "newText": "b"}, {"oldText": "c", "newText": "d"}


def context(cwd: Path) -> ToolContext:
    return ToolContext("c", cwd, Model("m", "p", "a", "http://x"), {}, lambda result: None)


def edit(cwd: Path, path: str, *edits: tuple[str, str]) -> ToolResult:
    arguments = {"path": path, "edits": [{"oldText": old, "newText": new} for old, new in edits]}
    return asyncio.run(edit_tool().run(arguments, context(cwd)))


def error(cwd: Path, path: str, *edits: tuple[str, str]) -> str:
    with pytest.raises(ToolError) as caught:
        edit(cwd, path, *edits)
    return str(caught.value)


def test_an_edit_says_what_it_changed(tmp_path: Path):
    (tmp_path / "bom.txt").write_bytes(b"\xef\xbb\xbfhello world\r\n")
    assert edit(tmp_path, "bom.txt", ("hello", "goodbye")) == ToolResult(
        (Text("Successfully replaced 1 block(s) in bom.txt."),),
        {
            "diff": "-1 hello world\n+1 goodbye world",
            "patch": "--- bom.txt\n+++ bom.txt\n@@ -1,1 +1,1 @@\n-hello world\n+goodbye world\n",
            "firstChangedLine": 1,
        },
    )
    assert (tmp_path / "bom.txt").read_bytes() == b"\xef\xbb\xbfgoodbye world\r\n"


def test_bytes_that_are_no_text_survive_and_details_stay_json(tmp_path: Path):
    (tmp_path / "latin").write_bytes(b"caf\xe9\nx\n")
    result = edit(tmp_path, "latin", ("x", "y\ud800"))
    assert (tmp_path / "latin").read_bytes() == b"caf\xe9\ny\xef\xbf\xbd\n"
    assert result.details["diff"] == " 1 caf\ufffd\n-2 x\n+2 y\ufffd"
    json.dumps(result.details, ensure_ascii=False).encode()


def test_what_cannot_be_edited_says_why(tmp_path: Path):
    assert error(tmp_path, "no", ("a", "b")) == "Could not edit file: no. Error code: ENOENT."
    assert error(tmp_path, ".", ("a", "b")) == "EISDIR: illegal operation on a directory, read"
    (tmp_path / "f").write_text("alpha\n")
    assert error(tmp_path, "f") == "Edit tool input is invalid. edits must contain at least one replacement."
    assert error(tmp_path, "f", ("not there", "x")) == (
        "Could not find the exact text in f. "
        "The old text must match exactly including all whitespace and newlines."
    )
    assert (tmp_path / "f").read_text() == "alpha\n"


def test_a_file_too_large_for_memory_is_left_alone(tmp_path: Path):
    with (tmp_path / "f").open("wb") as file:
        file.truncate(1 << 30)
    assert error(tmp_path, "f", ("a", "b")) == (
        "f has 1024.0MB, too much for edit. Use bash: sed -i or a script."
    )


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everything")
def test_a_read_only_file_is_refused(tmp_path: Path):
    (tmp_path / "f").touch(mode=0o444)
    assert error(tmp_path, "f", ("a", "b")) == "Could not edit file: f. Error code: EACCES."


def test_edits_at_the_same_time_all_take_effect(tmp_path: Path):
    (tmp_path / "f").write_text("".join(f"<{number}>\n" for number in range(20)))

    async def run() -> None:
        tool, ctx = edit_tool(), context(tmp_path)
        async with asyncio.TaskGroup() as group:
            for number in range(20):
                edits = [{"oldText": f"<{number}>", "newText": f"{number}!"}]
                group.create_task(tool.run({"path": "f", "edits": edits}, ctx))  # pyright: ignore

    asyncio.run(run())
    assert (tmp_path / "f").read_text() == "".join(f"{number}!\n" for number in range(20))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ({"path": "p", "edits": [A]}, {"path": "p", "edits": [A]}),
        ({"path": "p", **A}, {"path": "p", "edits": [A]}),
        ({"path": "p", "edits": [A], **B}, {"path": "p", "edits": [A, B]}),
        ({"path": "p", "edits": A}, {"path": "p", "edits": [A]}),
        ({"path": "p", "edits": json.dumps([A, B])}, {"path": "p", "edits": [A, B]}),
        ({"path": "p", "edits": json.dumps(A)}, {"path": "p", "edits": [A]}),
        ({"path": "p", "edits": "[broken"}, {"path": "p", "edits": "[broken"}),
        ({"path": "p", "edits": "7"}, {"path": "p", "edits": "7"}),
        ({"path": "p", "edits": None}, {"path": "p", "edits": None}),
        ({"path": "p", "oldText": "a"}, {"path": "p", "oldText": "a"}),
        ({"edits": "[]"}, {"edits": []}),
        ({}, {}),
    ],
)
def test_other_forms_of_arguments_are_understood(written: dict[str, Any], meant: dict[str, Any]):
    prepare = edit_tool().prepare
    assert prepare
    before = json.dumps(written)
    assert prepare(written) == meant
    assert json.dumps(written) == before
