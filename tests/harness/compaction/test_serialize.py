"""A conversation as text: who said what, how much of it, and nothing that a model couldn't have seen."""

from hypothesis import given
from hypothesis import strategies as st

from pi.harness.compaction.serialize import RESULT_CHARS, serialize
from pi.harness.storage.entries import BashExecutionMessage
from pi.llm.messages import AssistantMessage, Image, Text, Thinking, ToolResultMessage, Usage, UserMessage
from tests.harness.compaction.history import answer, call_of, result, user


def test_each_message_stands_under_who_said_it() -> None:
    calls = (call_of("read", path="a b.txt", limit=3), call_of("edit", edits=[{"old": "é"}]))
    history = [user("Look"), answer("Sure", *calls), result("text"), answer("Done")]

    assert serialize(history) == (
        "[User]: Look\n\n"
        "[Assistant]: Sure\n\n"
        '[Assistant tool calls]: read(path="a b.txt", limit=3); edit(edits=[{"old":"é"}])\n\n'
        "[Tool result]: text\n\n"
        "[Assistant]: Done"
    )


def test_thinking_images_and_empty_messages_are_left_out() -> None:
    thought = AssistantMessage((Thinking("hm"),), "a", "p", "m", Usage(), "stop", 1)
    pictured = UserMessage((Text("See "), Image("AAAA", "image/png"), Text("this")), 1)

    assert serialize([thought, pictured, user(""), result("")]) == "[User]: See this"


def test_a_command_of_the_users_is_there_unless_it_was_kept_from_the_model() -> None:
    ran = BashExecutionMessage("ls", "a", cancelled=False, truncated=False, timestamp=1, exit_code=0)
    secret = BashExecutionMessage(
        "pass", "b", cancelled=False, truncated=False, timestamp=1, exclude_from_context=True
    )

    assert serialize([ran, secret]) == "[User]: Ran `ls`\n```\na\n```"


def test_a_long_result_is_cut_and_says_how_much_is_missing() -> None:
    assert serialize([result("x" * (RESULT_CHARS + 7))]) == (
        f"[Tool result]: {'x' * RESULT_CHARS}\n\n[... 7 more characters truncated]"
    )
    assert serialize([result("x" * RESULT_CHARS)]) == f"[Tool result]: {'x' * RESULT_CHARS}"


@given(st.integers(RESULT_CHARS - 3, RESULT_CHARS), st.text("a😀", min_size=4, max_size=9))
def test_a_cut_never_leaves_half_a_character(length: int, rest: str) -> None:
    serialize([ToolResultMessage("c", "t", (Text("x" * length + rest),), False, 1)]).encode()
