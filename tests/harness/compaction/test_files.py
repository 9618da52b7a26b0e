"""File lists: what was read, what was changed, over all summaries that Pi made."""

from pi.harness.compaction.files import FileLists, file_lists
from pi.harness.storage.entries import BranchSummary
from tests.harness.compaction.history import T, answer, call_of, compaction, result, user

DETAILS = {"readFiles": ["old.py", "a.py"], "modifiedFiles": ["b.py"]}


def test_a_file_that_was_changed_is_not_listed_as_read() -> None:
    history = [
        user(),
        answer("", call_of("read", path="z.py"), call_of("read", path="a.py"), call_of("edit", path="a.py")),
        answer("", call_of("write", path="new.py"), call_of("read", path="b.py")),
        result(),
    ]

    assert file_lists(history) == FileLists(("b.py", "z.py"), ("a.py", "new.py"))


def test_other_tools_and_broken_arguments_name_no_files() -> None:
    calls = (call_of("grep", path="src"), call_of("read"), call_of("edit", path=3), call_of("read", path=""))

    assert file_lists([answer("", *calls)]) == FileLists()


def test_the_lists_of_earlier_summaries_go_on() -> None:
    branch = BranchSummary("b", None, T, "x", "summary", details={"readFiles": ["c.py"], "modifiedFiles": 1})
    history = [answer("", call_of("edit", path="old.py"))]

    assert file_lists(history, [compaction("k", "u", details=DETAILS), branch]) == FileLists(
        ("a.py", "c.py"), ("b.py", "old.py")
    )


def test_an_extensions_details_are_not_taken_for_file_lists() -> None:
    assert file_lists([], [compaction("k", "u", details=DETAILS, from_hook=True)]) == FileLists()


def test_a_summary_ends_with_the_lists_that_there_are() -> None:
    assert FileLists(("a", "b"), ("c",)).tags == (
        "\n\n<read-files>\na\nb\n</read-files>\n\n<modified-files>\nc\n</modified-files>"
    )
    assert FileLists((), ("c",)).tags == "\n\n<modified-files>\nc\n</modified-files>"
    assert FileLists().tags == ""
