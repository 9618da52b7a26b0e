"""ls: texts as recorded, the order of people, no entry that leads nowhere."""

import os
import sys
from pathlib import Path

import pytest

from pi.agent.tool import ToolResult
from pi.llm.messages import Text
from pi.tools.ls import ls_tool
from tests.tools.searching import error, plant, text, use

LS = ls_tool()


def test_folders_end_with_a_slash_and_dotfiles_are_there(tmp_path: Path):
    plant(tmp_path, {".git/HEAD": "", ".gitignore": "", "src/a.py": "", "long.txt": ""})
    assert use(LS, tmp_path) == ToolResult((Text(".git/\n.gitignore\nlong.txt\nsrc/"),))
    assert text(LS, tmp_path, path="@src") == "a.py"


def test_the_order_is_that_of_people_not_of_bytes(tmp_path: Path):
    # Node's localeCompare gives this order.
    order = "_x -x .x ~x 10 2 A_b.py a-b.py a.py aB resume résumé resumz zebra Привет 日本"
    plant(tmp_path, dict.fromkeys(order.split(), ""))
    assert " ".join(text(LS, tmp_path).split("\n")) == order


def test_the_notice_of_the_limit_comes_only_when_there_is_more(tmp_path: Path):
    plant(tmp_path, {"a": "", "b": "", "c": ""})
    notice = "[2 entries limit reached. Use limit=4 for more]"
    assert use(LS, tmp_path, limit=2) == ToolResult((Text(f"a\nb\n\n{notice}"),), {"entryLimitReached": 2})
    assert use(LS, tmp_path, limit=3) == ToolResult((Text("a\nb\nc"),))
    assert text(LS, tmp_path, limit=0).startswith("a\n\n[1 entries limit")


def test_more_than_50_kb_of_names_are_cut_at_a_line(tmp_path: Path):
    plant(tmp_path, {f"{number:0200}": "" for number in range(400)})
    result = use(LS, tmp_path)
    (block,) = result.content
    assert isinstance(block, Text)
    assert block.text.endswith(f"{253:0200}\n\n[50.0KB limit reached]")
    cut = result.details["truncation"]
    assert (cut["totalLines"], cut["totalBytes"], cut["outputLines"]) == (400, 400 * 201 - 1, 254)
    assert cut["maxLines"] == 2**53 - 1


def test_links_are_what_they_lead_to_and_broken_ones_are_left_out(tmp_path: Path):
    plant(tmp_path, {"d/x": ""})
    (tmp_path / "link").symlink_to("d")
    (tmp_path / "broken").symlink_to("nowhere")
    assert text(LS, tmp_path) == "d/\nlink/"


def test_an_empty_folder_says_so(tmp_path: Path):
    assert use(LS, tmp_path) == ToolResult((Text("(empty directory)"),))


def test_what_is_no_folder_is_an_error_with_its_path(tmp_path: Path):
    plant(tmp_path, {"file": ""})
    assert error(LS, tmp_path, path="none") == f"Path not found: {tmp_path}/none"
    assert error(LS, tmp_path, path="file") == f"Not a directory: {tmp_path}/file"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_a_name_that_is_no_utf8_is_shown_with_replacement_characters(tmp_path: Path):
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/a\xff")).touch()
    assert text(LS, tmp_path) == "a\ufffd"
