"""Tool calls: what is seen of them while they are written, while they run, and afterwards."""

from msgspec import UNSET
from msgspec.structs import replace

from pi.agent.tool import text_result
from pi.llm.messages import Image, Text, ToolCall, ToolResultMessage
from pi.modes.tui.blocks.tool import ToolBlock, duration
from pi.modes.tui.blocks.tools.shape import short_path
from tests.modes.tui.blocks.looks import LOOK, OPEN, texts


def _tool(
    name: str,
    args: dict[str, object],
    output: str | None = None,
    *,
    error: bool = False,
    details: object = UNSET,
) -> ToolBlock:
    block = ToolBlock(name, "call")
    block.arguments(args)
    if output is not None:
        block.start()
        block.end(text_result(output, details), error)
    return block


def test_a_call_goes_through_its_states_and_backgrounds() -> None:
    block = ToolBlock("bash", "call")
    seen = [(block.state, block.fill, block.over)]
    block.arguments({"command": "ls"})
    block.start()
    seen.append((block.state, block.fill, block.over))
    block.end(text_result("a"), False)
    seen.append((block.state, block.fill, block.over))
    block.end(text_result("a"), True)
    seen.append((block.state, block.fill, block.over))
    assert seen == [
        ("pending", "on:toolPendingBg", False),
        ("running", "on:toolPendingBg", False),
        ("success", "on:toolSuccessBg", True),
        ("error", "on:toolErrorBg", True),
    ]


def test_every_change_raises_the_version() -> None:
    block = ToolBlock("bash", "call")
    versions = [block.version]
    for change in (
        lambda: block.arguments({"command": "l"}, True),
        lambda: block.arguments({"command": "ls"}),
        block.start,
        lambda: block.update(text_result("a")),
        lambda: block.end(text_result("ab"), False, 5),
        block.toggle,
    ):
        change()
        versions.append(block.version)
    assert versions == [0, 1, 2, 3, 4, 5, 6]


def test_bash_shows_the_end_of_its_output_and_how_much_came_before() -> None:
    block = _tool("bash", {"command": "seq 8", "timeout": 5}, "1\n2\n3\n4\n5\n6\n7\n8\n")
    assert texts(block) == [
        "",
        " $ seq 8 (timeout 5s)",
        "",
        " … (3 earlier lines, ctrl+o to expand)",
        " 4",
        " 5",
        " 6",
        " 7",
        " 8",
        "",
    ]
    assert texts(block, OPEN) == ["", " $ seq 8 (timeout 5s)", "", *(f" {n}" for n in range(1, 9)), ""]


def test_bash_shows_output_while_it_runs() -> None:
    block = _tool("bash", {"command": "make"})
    block.start()
    block.update(text_result("compiling"))
    assert texts(block) == ["", " $ make", "", " compiling", ""]


def test_a_command_that_failed_says_how_it_ended_and_how_long_it_took() -> None:
    block = ToolBlock("bash", "call")
    block.arguments({"command": "false"})
    block.end(text_result("oops\n\nCommand exited with code 3"), True, 61_000)
    assert texts(block) == ["", " $ false", "", " oops", "", " Command exited with code 3  Took 1m 1s", ""]
    assert block.lines(60, LOOK)[-2][1:] == (
        ("Command exited with code 3", "error"),
        ("  ", ""),
        ("Took 1m 1s", "muted"),
    )


def test_a_command_without_output_that_failed_has_only_its_end() -> None:
    block = _tool("bash", {"command": "false"}, "Command exited with code 1", error=True)
    assert texts(block) == ["", " $ false", "", " Command exited with code 1", ""]


def test_what_bash_has_cut_is_told_apart_from_its_output() -> None:
    note = "[Showing lines 5-6 of 6. Full output: /tmp/x]"
    block = _tool("bash", {"command": "x"}, f"5\n6\n\n{note}", details={"truncation": {"truncated": True}})
    assert texts(block) == ["", " $ x", "", " 5", " 6", "", f" {note}", ""]
    assert block.lines(60, LOOK)[-2] == ((" ", ""), (note, "warning"))


def test_brackets_that_a_command_prints_stay_output() -> None:
    assert texts(_tool("bash", {"command": "x"}, "a\n\n[b]")) == ["", " $ x", "", " a", "", " [b]", ""]


def test_a_script_is_shown_with_its_first_rows() -> None:
    block = _tool("bash", {"command": "\n".join(f"echo {n}" for n in range(12))})
    rows = texts(block)
    assert rows[1:3] + rows[-3:] == [
        " $ echo 0",
        "   echo 1",
        "   echo 9",
        "   … (2 more lines, ctrl+o to expand)",
        "",
    ]
    assert len(texts(block, OPEN)) == 14


def test_progress_bars_show_what_they_showed_last() -> None:
    assert texts(_tool("bash", {"command": "x"}, "10%\r50%\r100%\r\ndone"))[3:5] == [" 100%", " done"]


def test_a_block_opens_by_itself_until_the_look_changes() -> None:
    block = _tool("bash", {"command": "x"}, "1\n2\n3\n4\n5\n6")
    closed, opened = texts(block), texts(block, OPEN)
    block = _tool("bash", {"command": "x"}, "1\n2\n3\n4\n5\n6")
    seen = [texts(block)]
    block.toggle()
    seen.append(texts(block))
    block.toggle()
    seen.append(texts(block))
    seen.append(texts(block, OPEN))
    block.toggle()
    seen.append(texts(block, OPEN))
    seen.append(texts(block))
    assert seen == [closed, opened, closed, opened, closed, closed]


def test_grep_says_what_it_looks_for_and_shows_the_first_lines() -> None:
    found = "\n".join(f"a.py:{n}: x" for n in range(12))
    args = {"pattern": "x+", "path": "/work/project/src", "glob": "*.py", "limit": 12}
    block = _tool("grep", args, found, details={"matchLimitReached": 12, "linesTruncated": True})
    assert texts(block) == [
        "",
        " grep /x+/ in src (*.py) limit 12",
        "",
        *(f" a.py:{n}: x" for n in range(10)),
        " … (2 more lines, ctrl+o to expand)",
        "",
        " Truncated: 12 matches limit, long lines cut",
        "",
    ]


def test_lists_cut_long_rows_until_they_are_opened() -> None:
    block = _tool("find", {"pattern": "*"}, "a" * 30)
    assert texts(block, width=22) == ["", " find * in .", "", f" {'a' * 19}…", ""]
    assert texts(block, OPEN, width=22) == ["", " find * in .", "", f" {'a' * 20}", f" {'a' * 10}", ""]


def test_ls_shows_the_directory_that_it_lists() -> None:
    assert texts(_tool("ls", {}, "a\nb/")) == ["", " ls .", "", " a", " b/", ""]
    assert texts(_tool("ls", {"path": "/etc", "limit": 5}, "a"))[1] == " ls /etc limit 5"


def test_edit_shows_what_it_intends_and_then_the_diff() -> None:
    block = _tool(
        "edit", {"path": "/work/project/a.py", "edits": [{"oldText": "x\ny\nz", "newText": "x\nY\nz"}]}
    )
    assert texts(block) == ["", " edit a.py", "", " - y", " + Y", ""]
    block.end(text_result("ok", {"diff": " 1 x\n-2 y\n+2 Y\n 3 z"}), False)
    assert texts(block) == ["", " edit a.py  +1 -1", "", "  1 x", " -2 y", " +2 Y", "  3 z", ""]


def test_edit_bears_arguments_that_are_half_written() -> None:
    halves: list[dict[str, object]] = [
        {},
        {"path": "a"},
        {"path": "a", "edits": "x"},
        {"path": "a", "edits": [1, {}, {"oldText": "b"}]},
    ]
    assert [texts(_tool("edit", half))[1:] for half in halves] == [
        [" edit …", ""],
        [" edit a", ""],
        [" edit a", ""],
        [" edit a", "", " - b", ""],
    ]


def test_what_failed_says_why_in_red() -> None:
    block = _tool("edit", {"path": "a"}, "No such text.", error=True)
    assert block.lines(60, LOOK)[3] == ((" ", ""), ("No such text.", "error"))


def test_unknown_tools_show_their_arguments_and_results() -> None:
    block = _tool("search", {"query": "how to", "limit": 3, "in": ["a"]}, "found\nit")
    assert texts(block) == ["", ' search  query="how to" limit=3 in=["a"]', "", " found", " it", ""]
    assert texts(block, OPEN)[:6] == ["", " search", "   query: how to", "   limit: 3", '   in: ["a"]', ""]


def test_calls_that_never_ran_say_so_and_finished_ones_stay() -> None:
    block = _tool("bash", {"command": "x"})
    block.cancel()
    assert (block.state, texts(block)) == ("error", ["", " $ x", "", " Not run.", ""])
    done = _tool("bash", {"command": "x"}, "y")
    done.cancel()
    assert done.state == "success"


def test_images_are_named_where_they_cannot_be_shown() -> None:
    block = ToolBlock.of(ToolCall("call", "shot", {}))
    block.end(ToolResultMessage("call", "shot", (Text("here"), Image("AAAA", "image/png")), False, 0), False)
    assert texts(block) == ["", " shot", "", " here", " [image/png]", ""]


def test_short_times_are_not_told() -> None:
    block = _tool("bash", {"command": "x"})
    block.end(text_result("y"), False, 999)
    assert texts(block)[-2] == " y"
    assert [duration(ms) for ms in (1000, 59_940, 90_000, 7_384_000)] == [
        "1.0s",
        "59.9s",
        "1m 30s",
        "2h 3m 4s",
    ]


def test_paths_are_relative_to_where_people_work() -> None:
    cwd = LOOK.cwd
    paths = ["/work/project", "/work/project/a", "/work/project2/a", "/etc", "b/c", str(cwd.home() / "x")]
    assert [short_path(path, cwd) for path in paths] == [".", "a", "/work/project2/a", "/etc", "b/c", "~/x"]


def test_paths_are_links_where_the_terminal_makes_some() -> None:
    block = _tool("ls", {"path": "a b"})
    links = replace(LOOK, links=True)
    assert block.lines(60, links)[1][-1] == ("a b", "accent link:file:///work/project/a%20b")


def test_what_is_copied_is_the_whole_output() -> None:
    block = _tool("bash", {"command": "seq"}, "1\n2\n3\n4\n5\n6")
    assert (block.output, block.text()) == ("1\n2\n3\n4\n5\n6", "bash\nseq\n1\n2\n3\n4\n5\n6")


def test_read_shows_which_lines_and_the_first_of_them_in_colour() -> None:
    text = "\n".join(f"x = {n}" for n in range(12)) + "\n\n[8 more lines in file. Use offset=17 to continue.]"
    block = _tool("read", {"path": "a.py", "offset": 5, "limit": 12}, text)
    assert texts(block) == [
        "",
        " read a.py:5-16",
        "",
        *(f" x = {n}" for n in range(10)),
        " … (2 more lines, ctrl+o to expand)",
        "",
    ]
    assert texts(block, OPEN)[-4:] == [
        " x = 11",
        "",
        " [8 more lines in file. Use offset=17 to continue.]",
        "",
    ]
    assert {style for line in block.lines(60, LOOK)[3:5] for _, style in line} >= {
        "syntaxNumber",
        "syntaxOperator",
    }


def test_write_shows_what_is_written_while_it_comes() -> None:
    block = ToolBlock("write", "call")
    block.arguments({"path": "notes", "content": "one\ntw"}, True)
    assert texts(block) == ["", " write notes  2 lines", "", " one", " tw", ""]
    block.end(text_result("No space left on device"), True)
    assert texts(block)[-4:] == [" tw", "", " No space left on device", ""]
