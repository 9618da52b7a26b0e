"""Codex: the body of a request, and the short form of one that goes on from the last."""

import json

import pytest
from msgspec.structs import replace

from pi.llm.formats.codex_payload import answered, build_payload, growth
from pi.llm.messages import (
    AssistantMessage,
    Context,
    Text,
    Thinking,
    ToolCall,
    ToolDeclaration,
    ToolResultMessage,
    Usage,
    UserMessage,
)
from pi.llm.models import Model
from pi.llm.options import StreamOptions

SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
READ = ToolDeclaration("read", "Reads", SCHEMA)
HI = UserMessage("hi", 1)
REASONING = {"id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": "ZW5j"}
TEXT_SIGNATURE = '{"v":1,"id":"msg_1"}'
ANSWER = AssistantMessage(
    (
        Thinking("", json.dumps(REASONING, separators=(",", ":"))),
        Text("I read.", TEXT_SIGNATURE),
        ToolCall("c1|fc_1", "read", {"path": "a"}),
    ),
    "openai-codex-responses",
    "openai-codex",
    "m",
    Usage(),
    "toolUse",
    1,
    response_id="resp_1",
)
PROMPT = Context((HI,))
RESULT = ToolResultMessage("c1|fc_1", "read", (Text("ok"),), False, 1)


def a_model(**fields):
    return Model("m", "openai-codex", "openai-codex-responses", "https://chatgpt.com/backend-api", **fields)


def body(context=PROMPT, *, model=None, **options):
    return build_payload(model or a_model(), context, StreamOptions(**options))


def test_a_request_says_what_the_backend_wants_to_hear():
    context = Context(
        (HI,), "Help.", (READ, replace(READ, name="held", constrained_sampling={"type": "json_schema"}))
    )
    loose = {"type": "function", "name": "read", "description": "Reads", "parameters": SCHEMA, "strict": None}
    held = loose | {"name": "held", "strict": True, "parameters": SCHEMA | {"additionalProperties": False}}
    assert body(context, session_id="s" * 70, temperature=0.5) == {
        "model": "m",
        "store": False,
        "stream": True,
        "instructions": "Help.",
        "input": [{"role": "user", "content": [{"type": "input_text", "text": "hi"}]}],
        "text": {"verbosity": "low"},
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": "s" * 64,
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "temperature": 0.5,
        "tools": [loose, held],
    }


def test_without_instructions_it_still_has_some():
    assert body()["instructions"] == "You are a helpful assistant."


def test_the_choice_of_tools_can_be_taken_away():
    assert body(tool_choice="none")["tool_choice"] == "none"


def test_nothing_names_the_session_when_nothing_is_kept():
    assert "prompt_cache_key" not in body(session_id="s", cache_retention="none")


def test_a_model_without_strict_tools_isnt_told_of_them():
    model = a_model(compat={"supportsStrictMode": False})
    assert "strict" not in body(Context((HI,), tools=(READ,)), model=model)["tools"][0]


@pytest.mark.parametrize(
    ("levels", "asked", "reasoning"),
    [
        (None, "off", {"effort": "none"}),
        ({"off": None}, "off", None),
        ({"off": "low"}, "off", {"effort": "low"}),
        (None, "high", {"effort": "high", "summary": "auto"}),
        ({"minimal": "low"}, "minimal", {"effort": "low", "summary": "auto"}),
        ({"minimal": None}, "minimal", {"effort": "low", "summary": "auto"}),
        (None, "max", {"effort": "high", "summary": "auto"}),
        ({"xhigh": "xhigh"}, "max", {"effort": "xhigh", "summary": "auto"}),
    ],
)
def test_thinking_becomes_an_effort_that_the_model_has(levels, asked, reasoning):
    model = a_model(reasoning=True, thinking_level_map=levels)
    assert body(model=model, thinking=asked).get("reasoning") == reasoning


def test_a_model_that_cant_think_is_asked_for_no_effort():
    assert "reasoning" not in body(thinking="high")


def test_a_conversation_that_grew_sends_only_what_is_new():
    before = Context((HI,), "Help.", (READ,))
    after = replace(before, messages=(HI, ANSWER, RESULT))
    last = answered(body(before, session_id="s"), a_model(), before, ANSWER)
    assert growth(body(after, session_id="s"), last) == body(after, session_id="s") | {
        "previous_response_id": "resp_1",
        "input": [{"type": "function_call_output", "call_id": "c1", "output": "ok"}],
    }


@pytest.mark.parametrize(
    ("messages", "change"),
    [
        ((HI, ANSWER, RESULT), {"temperature": 1}),
        ((HI, replace(ANSWER, content=ANSWER.content[1:]), RESULT), {}),
        ((UserMessage("ho", 1), ANSWER, RESULT), {}),
        ((HI,), {}),
        ((), {}),
    ],
)
def test_one_that_changed_is_sent_whole(messages, change):
    before = Context((HI,))
    last = answered(body(before), a_model(), before, ANSWER)
    assert growth(body(Context(messages), **change), last) is None


def test_an_answer_without_an_id_cant_be_gone_on_from():
    assert answered(body(), a_model(), Context((HI,)), replace(ANSWER, response_id=None)) is None
    assert growth(body(), None) is None
