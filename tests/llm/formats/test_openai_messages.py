"""How a conversation is written for Chat Completions."""

import json

from pi.llm.formats.completions_compat import completions_compat
from pi.llm.formats.openai_messages import to_messages
from pi.llm.messages import (
    AssistantMessage,
    Context,
    Image,
    Text,
    Thinking,
    ToolCall,
    ToolResultMessage,
    Usage,
    UserMessage,
)
from pi.llm.models import Model


def said(*blocks, **fields):
    fields = {"usage": Usage(), "stop_reason": "stop", "timestamp": 1} | fields
    return AssistantMessage(tuple(blocks), "openai-completions", "local", "m", **fields)


def asked(*content):
    return UserMessage(content if content else "hi", 1)


def result(id, *content, name="read"):
    return ToolResultMessage(id, name, content, False, 1)


def sent(*messages, system="", **fields):
    fields = {"provider": "local", "api": "openai-completions", "base_url": "http://127.0.0.1:1/v1"} | fields
    model = Model("m", **fields)
    return to_messages(model, Context(messages, system), completions_compat(model))


def test_a_reasoning_model_is_told_by_a_developer_where_there_is_one():
    assert sent(system="S", reasoning=True) == [{"role": "developer", "content": "S"}]
    assert sent(system="S", reasoning=True, compat={"supportsDeveloperRole": False}) == [
        {"role": "system", "content": "S"}
    ]


def test_images_of_tool_results_follow_the_last_result_in_a_user_message():
    eyes = {"input": ("text", "image")}
    picture = Image("QUJD", "image/png")
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}
    turn = (
        said(ToolCall("1", "read", {"path": "é"}), ToolCall("2", "read", {})),
        result("1", Text("a"), picture, Text("b")),
        result("2", picture),
        asked(Text("and?"), Text(""), picture),
    )
    assert sent(*turn, **eyes) == [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "read", "arguments": '{"path":"é"}'}},
                {"id": "2", "type": "function", "function": {"name": "read", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "content": "a\nb", "tool_call_id": "1"},
        {"role": "tool", "content": "(see attached image)", "tool_call_id": "2"},
        {
            "role": "user",
            "content": [{"type": "text", "text": "Attached image(s) from tool result:"}, part, part],
        },
        {"role": "user", "content": [{"type": "text", "text": "and?"}, part]},
    ]
    bridged = sent(*turn, compat={"requiresAssistantAfterToolResult": True}, **eyes)
    assert [message["role"] for message in bridged] == [
        "assistant",
        "tool",
        "tool",
        "assistant",
        "user",
        "user",
    ]
    assert bridged[0]["content"] == ""
    assert bridged[3] == {"role": "assistant", "content": "I have processed the tool results."}


def test_a_result_without_images_is_bridged_to_the_user_and_named_where_a_host_wants_it():
    compat = {"requiresAssistantAfterToolResult": True, "requiresToolResultName": True}
    assert sent(result("1"), asked(), compat=compat) == [
        {"role": "tool", "content": "(no tool output)", "tool_call_id": "1", "name": "read"},
        {"role": "assistant", "content": "I have processed the tool results."},
        {"role": "user", "content": "hi"},
    ]


def test_messages_that_say_nothing_are_left_out():
    empty = said(Text("  "), Thinking("thought", "reasoning"))
    assert sent(empty, asked(Text("")), said(Text("x"))) == [{"role": "assistant", "content": "x"}]


def test_calls_without_text_have_null_content_or_an_empty_one_where_null_is_refused():
    call = said(ToolCall("1", "read", {}))
    assert sent(call)[0]["content"] is None
    assert sent(call, compat={"requiresNonNullAssistantContent": True})[0]["content"] == ""


def test_thinking_goes_back_in_the_field_it_came_in():
    turn = said(Thinking("a", "reasoning"), Thinking("b"), Text("x"), Text("y"))
    assert sent(turn) == [{"role": "assistant", "content": "xy", "reasoning": "a\nb"}]
    assert sent(said(Thinking("a", "c2ln"), Text("x"))) == [{"role": "assistant", "content": "x"}]
    assert sent(turn, provider="opencode-go") == [
        {"role": "assistant", "content": "xy", "reasoning_content": "a\nb"}
    ]


def test_thinking_goes_back_as_text_where_a_host_has_no_field():
    turn = said(Thinking("a", "reasoning"), Thinking("b"), Text("x"))
    assert sent(turn, compat={"requiresThinkingAsText": True}) == [
        {"role": "assistant", "content": [{"type": "text", "text": "a\n\nb"}, {"type": "text", "text": "x"}]}
    ]


def test_a_host_that_wants_reasoning_on_every_answer_gets_an_empty_one():
    compat = {"requiresReasoningContentOnAssistantMessages": True}
    assert sent(said(Text("x")), reasoning=True, compat=compat)[0]["reasoning_content"] == ""
    assert "reasoning_content" not in sent(said(Text("x")), compat=compat)[0]


def test_reasoning_details_go_back_whole_and_in_place_of_the_text():
    details = [{"type": "reasoning.text", "text": "a", "signature": "s"}]
    turn = said(Thinking("a", json.dumps(details)), Text("x"))
    assert sent(turn) == [{"role": "assistant", "content": "x", "reasoning_details": details}]
    assert "reasoning_details" not in sent(said(Thinking("a", '[{"type":"odd"}]'), Text("x")))[0]


def test_an_encrypted_detail_on_a_tool_call_goes_back_too():
    detail = {"type": "reasoning.encrypted", "id": "d", "data": "E"}
    call = ToolCall("1", "read", {}, thought_signature=json.dumps(detail))
    assert sent(said(call))[0]["reasoning_details"] == [detail]
    no_id = ToolCall("1", "read", {}, thought_signature='{"type":"reasoning.encrypted","data":"E"}')
    assert "reasoning_details" not in sent(said(no_id))[0]
