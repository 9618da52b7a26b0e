from typing import Any

import pytest
from msgspec.structs import replace

from pi.llm.messages import (
    AssistantMessage,
    Context,
    Image,
    Message,
    StopReason,
    SystemMessage,
    Text,
    Thinking,
    ToolCall,
    ToolDeclaration,
    ToolReference,
    ToolResultMessage,
    Usage,
    UserMessage,
)
from pi.llm.models import Model
from pi.llm.transcript import (
    current_tools,
    declared_tools,
    fold_system,
    only_adds_tools,
    prepare,
    redefines_tools,
    system_state,
    system_text,
    tool_changes,
    update_text,
)

HERE = Model("claude", "anthropic", "anthropic-messages", "http://x", input=("text", "image"))
BLIND = replace(HERE, input=("text",))
HI = UserMessage("hi", 1)
PICTURE = Image("aGk=", "image/png")


def tool(name: str, description: str = "") -> ToolDeclaration:
    return ToolDeclaration(name, description, {"type": "object"})


def own(*content: Text | Thinking | ToolCall, stop: StopReason = "stop") -> AssistantMessage:
    return AssistantMessage(content, HERE.api, HERE.provider, HERE.id, Usage(), stop, 2)


def foreign(*content: Text | Thinking | ToolCall) -> AssistantMessage:
    return AssistantMessage(content, "openai-responses", "openai", "gpt", Usage(), "stop", 2)


def result(id: str, *content: Text | Image, name: str = "read") -> ToolResultMessage:
    return ToolResultMessage(id, name, content or (Text("ok"),), is_error=False, timestamp=3)


def call(id: str, **more: Any) -> ToolCall:
    return ToolCall(id, "read", {"path": "a"}, **more)


def prepared(*messages: Message, model: Model = HERE) -> list[Message]:
    return list(prepare(model, Context(messages)).messages)


def test_system_messages_replay_to_the_prompt_and_tools_that_hold_at_the_end() -> None:
    answer = own(Text("yes"))
    transcript = [
        SystemMessage("base", 0, {"a": "A", "b": "B", "c": "C"}, (tool("read"), tool("bash"))),
        HI,
        SystemMessage(
            "", 1, {"a": None, "b": "B2", "d": "D"}, (tool("bash", "new"),), (ToolReference("bash"),)
        ),
        answer,
        SystemMessage((Text("more"), Text("still")), 1, {"a": "A2", "e": ""}),
    ]

    assert fold_system(transcript) == Context(
        (HI, answer), "base\n\nmore\nstill\n\nB2\n\nC\n\nD\n\nA2", (tool("read"), tool("bash", "new"))
    )


def test_all_system_messages_of_a_transcript_come_down_to_one() -> None:
    read, edit = tool("read"), tool("edit")
    told = [
        SystemMessage("First.", 1, {"a": "A", "b": "B"}, (read, edit)),
        UserMessage("Hi", 2),
        SystemMessage("", 3, {"a": None, "c": "C"}, None, (ToolReference(read.name),)),
    ]

    assert system_state(told, 9) == SystemMessage("First.", 9, {"b": "B", "c": "C"}, (edit,))
    assert system_state([UserMessage("Hi", 2)], 9) is None


def test_one_system_message_reads_as_its_content_and_sections() -> None:
    assert system_text(SystemMessage("base", 0, {"a": "A", "b": None, "c": ""})) == "base\n\nA"


def test_system_messages_that_are_still_there_are_folded_into_the_prompt() -> None:
    context = Context((HI, SystemMessage("later", 1, tools_added=(tool("bash"),))), "base", (tool("read"),))

    assert prepare(HERE, context) == Context((HI,), "base\n\nlater", (tool("read"), tool("bash")))


def test_a_changed_tool_is_removed_and_added() -> None:
    added, removed = tool_changes(
        [tool("read"), tool("edit"), tool("bash")], [tool("bash", "new"), tool("read"), tool("grep")]
    )

    assert added == (tool("bash", "new"), tool("grep"))
    assert removed == (ToolReference("edit"), ToolReference("bash"))


def test_what_needs_no_change_stays_the_same_object() -> None:
    messages = (
        UserMessage((Text("é"), PICTURE), 1),
        own(Thinking("hm", "sig"), Text("so", "t"), call("c|1", thought_signature="s")),
        result("c|1", Text("ok"), PICTURE),
        HI,
    )

    assert all(a is b for a, b in zip(prepared(*messages), messages, strict=True))


@pytest.mark.parametrize("stop", ["error", "aborted"])
def test_failed_answers_and_their_results_are_not_replayed(stop: StopReason) -> None:
    assert prepared(HI, own(Text("half"), call("c"), stop=stop), result("c"), HI) == [HI, HI]


def test_of_two_results_of_a_call_the_first_is_kept() -> None:
    calls = own(call("c"), call("d"))
    first, second = result("c", Text("one")), result("c", Text("two"))
    assert prepared(calls, first, second, result("d")) == [calls, first, result("d")]


def test_a_result_without_its_call_is_left_out() -> None:
    assert prepared(result("gone"), HI, own(call("c")), result("c"), result("other")) == [
        HI,
        own(call("c")),
        result("c"),
    ]


def test_thinking_of_another_model_becomes_plain_text_without_signatures() -> None:
    message = foreign(
        Thinking("secret", "enc", redacted=True),
        Thinking("", "sig"),
        Thinking("reasons", "sig"),
        Text("so", "text-sig"),
        call("c", thought_signature="sig"),
    )

    assert prepared(message, result("c"))[0] == foreign(Text("reasons"), Text("so"), call("c"))


def test_a_models_own_thinking_keeps_its_signature_even_when_empty() -> None:
    message = own(
        Thinking("", "sig"), Thinking("x", "enc", redacted=True), Thinking("unsigned"), Thinking(" ")
    )

    assert prepared(message) == [
        own(Thinking("", "sig"), Thinking("x", "enc", redacted=True), Thinking("unsigned"))
    ]


def test_ids_of_another_model_are_rewritten_with_their_results() -> None:
    assert prepared(foreign(call("call_1|fc_2")), result("call_1|fc_2")) == [
        foreign(call("call_1_fc_2")),
        result("call_1_fc_2"),
    ]


@pytest.mark.parametrize("behind", [(HI,), (own(Text("on")),), ()])
def test_calls_without_a_result_get_one_before_the_talk_goes_on(behind: tuple[Message, ...]) -> None:
    calls = foreign(call("a|1"), call("b"))

    assert prepared(calls, result("b"), *behind) == [
        foreign(call("a_1"), call("b")),
        result("b"),
        ToolResultMessage("a_1", "read", (Text("No result provided"),), is_error=True, timestamp=2),
        *behind,
    ]


def test_each_run_of_images_becomes_one_note_where_the_model_cannot_see() -> None:
    user = "(image omitted: model does not support images)"
    from_tool = "(tool image omitted: model does not support images)"
    messages = (
        UserMessage((PICTURE, PICTURE, Text("and"), PICTURE, Text(user), PICTURE), 1),
        own(call("c")),
        result("c", Text("seen"), PICTURE),
    )

    assert prepared(*messages, model=BLIND) == [
        UserMessage((Text(user), Text("and"), Text(user), Text(user)), 1),
        own(call("c")),
        result("c", Text("seen"), Text(from_tool)),
    ]


def test_no_unpaired_surrogate_is_sent() -> None:
    context = Context(
        (
            UserMessage("u\ud83d", 1),
            own(Text("a\ude00"), Thinking("t\ud83d", "sig"), ToolCall("c", "read", {"path": ["p\ud83d"]})),
            result("c", Text("r\ud83d!")),
        ),
        "s\ud83d",
        (ToolDeclaration("t", "d\ud83d", {"description": "p\ud83d"}),),
    )

    assert prepare(HERE, context) == Context(
        (
            UserMessage("u", 1),
            own(Text("a"), Thinking("t", "sig"), ToolCall("c", "read", {"path": ["p"]})),
            result("c", Text("r!")),
        ),
        "s",
        (ToolDeclaration("t", "d", {"description": "p"}),),
    )


IN_PLACE = replace(HERE, compat={"supportsMidConvoSystemMessages": True})
LATER = SystemMessage("Be brief.", 3, {"a": "A2", "b": None}, (tool("bash"),), (ToolReference("read"),))


def test_a_model_that_takes_instructions_on_the_way_gets_them_where_they_were_said() -> None:
    first = SystemMessage("base", 0, {"a": "A", "b": "B"}, (tool("read"),))
    context = prepare(IN_PLACE, Context((first, HI, own(Text("yes")), LATER, HI)))
    assert (context.system, context.tools) == ("base\n\nA\n\nB", (tool("read"),))
    assert context.messages == (HI, own(Text("yes")), LATER, HI)
    folded = prepare(HERE, Context((first, HI, own(Text("yes")), LATER, HI)))
    assert (folded.system, folded.tools) == ("base\n\nBe brief.\n\nA2", (tool("bash"),))
    assert folded.messages == (HI, own(Text("yes")), HI)


def test_a_protocol_without_a_place_for_them_gets_them_folded() -> None:
    gemini = replace(IN_PLACE, api="google-generative-ai")
    assert prepare(gemini, Context((HI, LATER, HI))).messages == (HI, HI)


def test_instructions_between_calls_and_results_come_after_all_results() -> None:
    asked = own(call("1"), call("2"), stop="toolUse")
    assert prepared(asked, LATER, result("1"), result("2"), HI, model=IN_PLACE) == [
        asked,
        result("1"),
        result("2"),
        LATER,
        HI,
    ]
    cut = prepared(asked, result("1"), LATER, model=IN_PLACE)
    assert [type(message) for message in cut] == [AssistantMessage, *[ToolResultMessage] * 2, SystemMessage]


def test_a_change_of_instructions_names_the_sections() -> None:
    assert update_text(LATER) == (
        'Be brief.\n\nSection "a" of your instructions is now:\n\nA2\n\n'
        'Section "b" of your instructions no longer holds.'
    )


def test_the_tools_of_a_context_are_those_at_its_end_and_those_that_it_told_of() -> None:
    context = Context((HI, LATER, HI), "", (tool("read"), tool("ls")))
    assert current_tools(context) == (tool("ls"), tool("bash"))
    assert declared_tools(context) == (tool("read"), tool("ls"), tool("bash"))
    added = SystemMessage("", 3, None, (tool("bash"),))
    changed = SystemMessage("", 3, None, (tool("ls", "other"),))
    contexts = [Context((each,), "", (tool("ls"),)) for each in (LATER, added, changed)]
    assert [only_adds_tools(each) for each in contexts] == [False, True, False]
    assert [redefines_tools(each) for each in contexts] == [False, False, True]
