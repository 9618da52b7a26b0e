"""Tools that are written after a grammar: asked for, answered and sent again as raw text."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi.llm.draft import Draft
from pi.llm.formats.grammar import RawInput, grammar_of, inputs_of, raw_input
from pi.llm.messages import (
    AssistantMessage,
    Context,
    Text,
    ToolCall,
    ToolDeclaration,
    ToolResultMessage,
    Usage,
    UserMessage,
)
from pi.llm.models import Model
from pi.llm.options import StreamOptions
from pi.llm.protocols import openai_completions, openai_responses
from pi.platform.errors import ConfigError
from tests.llm.protocols.wire import answer, data, serve

SCHEMA = {"type": "object", "properties": {"sql": {"type": "string"}}, "required": ["sql"]}
LARK = {"type": "grammar", "variants": {"openai_lark": "start: A", "openai_regex": "a+"}}
ASK = ToolDeclaration("ask", "Asks.", SCHEMA, LARK)
TEXT = 'select "ä\n🌍"'


def changed(parameters: dict[str, Any] = SCHEMA, **variants: str) -> ToolDeclaration:
    return ToolDeclaration("ask", "Asks.", parameters, {"type": "grammar", "variants": variants})


def test_lark_is_preferred_to_a_regular_expression() -> None:
    found = [grammar_of(tool, able=True) for tool in (ASK, changed(openai_regex="a+"))]
    assert [(grammar.syntax, grammar.definition, grammar.argument) for grammar in found if grammar] == [
        ("lark", "start: A", "sql"),
        ("regex", "a+", "sql"),
    ]


def test_a_host_without_grammars_gets_a_normal_tool() -> None:
    assert grammar_of(ASK, able=False) is None
    assert inputs_of((ASK,), able=False) == {}


@pytest.mark.parametrize(
    ("tool", "reason"),
    [
        (changed(), "give it a variant openai_lark or openai_regex"),
        (changed({"type": "object"}, openai_regex="a"), "exactly one required string"),
        (changed(SCHEMA | {"required": ["sql", "b"]}, openai_regex="a"), "exactly one required string"),
        (changed(SCHEMA | {"properties": {"sql": {"type": "number"}}}, openai_regex="a"), '"sql" has to be'),
    ],
)
def test_a_tool_that_cannot_be_written_so_says_why(tool: ToolDeclaration, reason: str) -> None:
    with pytest.raises(ConfigError, match=f'Tool "ask" cannot use grammar constrained sampling: .*{reason}'):
        grammar_of(tool, able=True)


@given(st.lists(st.text(st.characters(exclude_categories=("Cs",)))), st.booleans())
def test_raw_text_becomes_a_json_argument_however_it_is_cut(pieces: list[str], told_again: bool) -> None:
    raw = RawInput('a "b"')
    sent = "".join([raw.grow(piece) for piece in pieces]) + raw.close("".join(pieces) if told_again else None)
    assert json.loads(sent) == {'a "b"': "".join(pieces)}
    assert raw.grow("more") == raw.close() == ""


def test_a_call_of_another_model_goes_as_json() -> None:
    assert raw_input(ToolCall("1", "ask", {"sql": "a"}), "sql") == "a"
    assert raw_input(ToolCall("1", "ask", {"query": "a"}), "sql") == '{"query":"a"}'


def chat(delta: dict[str, Any], **more: Any) -> bytes:
    return data({"id": "c", "choices": [{"delta": delta, **more}]})


def piece(text: str) -> bytes:
    return chat({"tool_calls": [{"index": 0, "custom": {"input": text}}]})


def item(**more: Any) -> dict[str, Any]:
    return {"type": "custom_tool_call", "id": "ctc_1", "call_id": "c1", "name": "ask", **more}


OF_CHAT = (
    chat(
        {"tool_calls": [{"index": 0, "id": "c1", "type": "custom", "custom": {"name": "ask", "input": ""}}]}
    ),
    piece(TEXT[:9]),
    piece(TEXT[9:]),
    chat({}, finish_reason="tool_calls"),
    data("[DONE]"),
)
OF_RESPONSES = (
    data({"type": "response.output_item.added", "output_index": 0, "item": item(input="")}),
    data({"type": "response.custom_tool_call_input.delta", "output_index": 0, "delta": TEXT[:9]}),
    data({"type": "response.custom_tool_call_input.done", "output_index": 0, "input": TEXT}),
    data({"type": "response.output_item.done", "output_index": 0, "item": item(input=TEXT, namespace="n")}),
    data({"type": "response.completed", "response": {"id": "r", "status": "completed"}}),
)


@pytest.mark.parametrize(
    ("stream", "api", "sent", "call"),
    [
        (openai_completions.stream, "openai-completions", OF_CHAT, ToolCall("c1", "ask", {"sql": TEXT})),
        (
            openai_responses.stream,
            "openai-responses",
            OF_RESPONSES,
            ToolCall("c1|ctc_1", "ask", {"sql": TEXT}, namespace="n"),
        ),
    ],
)
def test_a_custom_call_is_read_as_a_call_with_its_argument(
    stream: Callable[..., Any], api: str, sent: tuple[bytes, ...], call: ToolCall
) -> None:
    deltas: list[str] = []

    async def ask(host: str) -> AssistantMessage:
        draft = Draft(model(api, host))
        async for event in stream(
            draft, Context((UserMessage("hi", 1),), "", (ASK,)), StreamOptions(api_key="k")
        ):
            deltas.append(getattr(event, "delta", ""))
        return draft.freeze(draft.stop_reason)

    message, _ = asyncio.run(serve(answer(*sent), ask))
    assert (message.content, message.stop_reason) == ((call,), "toolUse")
    assert json.loads("".join(deltas)) == call.arguments


def model(api: str, host: str = "http://127.0.0.1") -> Model:
    return Model("m", "mine", api, host, compat={"supportsOpenAIGrammarTools": True})


def history(api: str, id: str) -> Context:
    call = ToolCall(id, "ask", {"sql": TEXT})
    asked = AssistantMessage((call,), api, "mine", "m", Usage(), "toolUse", 1)
    done = ToolResultMessage(id, "ask", (Text("ok"),), False, 1)
    return Context((UserMessage("hi", 1), asked, done), "", (ASK,))


def test_a_custom_call_goes_back_as_raw_text() -> None:
    chat = openai_completions.build_payload(
        model("openai-completions"), history("openai-completions", "c1"), StreamOptions(api_key="k")
    )
    assert chat["messages"][1]["tool_calls"] == [
        {"id": "c1", "type": "custom", "custom": {"name": "ask", "input": TEXT}}
    ]
    responses = openai_responses.build_payload(
        model("openai-responses"), history("openai-responses", "c1|ctc_1"), StreamOptions(api_key="k")
    )
    assert responses["input"][1:] == [
        {"type": "custom_tool_call", "call_id": "c1", "name": "ask", "input": TEXT, "id": "ctc_1"},
        {"type": "custom_tool_call_output", "call_id": "c1", "output": "ok"},
    ]
