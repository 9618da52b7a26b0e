"""Gemini: what a request holds for each kind of model, message and tool."""

import pytest

from pi.llm.catalog import catalog_models
from pi.llm.errors import ProviderError
from pi.llm.formats.google_payload import build_payload
from pi.llm.messages import (
    AssistantMessage,
    Context,
    Image,
    Text,
    Thinking,
    ToolCall,
    ToolDeclaration,
    ToolResultMessage,
    Usage,
    UserMessage,
)
from pi.llm.models import Model, supported_levels
from pi.llm.options import StreamOptions
from pi.llm.protocols.google_generative_ai import build_headers
from pi.llm.transcript import prepare
from pi.platform.errors import ConfigError

HI = UserMessage("hi", 1)
FROM_LOW = {"off": None, "minimal": None, "xhigh": None, "max": None}
PICTURE = Image("QUJD", "image/png")
SENT_PICTURE = {"inlineData": {"mimeType": "image/png", "data": "QUJD"}}


def a_model(id="gemini-2.5-flash", **fields):
    fields = {"reasoning": True, "input": ("text", "image")} | fields
    return Model(id, "google", "google-generative-ai", "http://127.0.0.1/v1beta", **fields)


def said(*content, model=None, **fields):
    model = model or a_model()
    known = {"api": model.api, "provider": model.provider, "model": model.id} | fields
    return AssistantMessage(content, **known, usage=Usage(), stop_reason="stop", timestamp=2)


def result(id, *content, error=False, name="read"):
    return ToolResultMessage(id, name, content, is_error=error, timestamp=3)


def contents(model, *messages):
    return build_payload(model, prepare(model, Context(messages)), StreamOptions())["contents"]


def thinking(model, level, **options):
    payload = build_payload(model, Context((HI,)), StreamOptions(thinking=level, **options))
    return payload["generationConfig"].get("thinkingConfig")


def tools(model, *declared, **options):
    payload = build_payload(model, Context((HI,), tools=declared), StreamOptions(**options))
    [group] = payload["tools"]
    mode = payload.get("toolConfig", {}).get("functionCallingConfig", {}).get("mode")
    return [tool["parametersJsonSchema"] for tool in group["functionDeclarations"]], mode


@pytest.mark.parametrize(
    ("id", "budgets"),
    [
        ("gemini-2.5-pro", [128, 2_048, 8_192, 32_768]),
        ("gemini-2.5-flash", [128, 2_048, 8_192, 24_576]),
        ("gemini-2.5-flash-lite", [512, 2_048, 8_192, 24_576]),
        ("some-other", [-1, -1, -1, -1]),
    ],
)
def test_models_that_count_their_thoughts_get_a_budget(id, budgets):
    asked = [thinking(a_model(id), level) for level in ("minimal", "low", "medium", "high")]
    assert asked == [{"includeThoughts": True, "thinkingBudget": budget} for budget in budgets]
    assert thinking(a_model(id), "max") == asked[-1]
    assert thinking(a_model(id), "off") == {"thinkingBudget": 0}


def test_a_budget_of_the_settings_goes_first_also_when_it_is_nothing():
    budgets = {"low": 100, "high": 0}
    assert thinking(a_model(), "low", thinking_budgets=budgets)["thinkingBudget"] == 100
    assert thinking(a_model(), "high", thinking_budgets=budgets)["thinkingBudget"] == 0
    assert thinking(a_model(), "medium", thinking_budgets=budgets)["thinkingBudget"] == 8_192


@pytest.mark.parametrize(
    "id",
    [
        "gemini-3-pro-preview",
        "gemini-3.8-flash",
        "gemini-4-argon",
        "gemini-flash-latest",
        "gemini-flash-lite-latest",
        "gemma-4-31b-it",
        "models/Gemma4-27b",
    ],
)
def test_newer_models_get_a_level(id):
    model = a_model(id, thinking_level_map=FROM_LOW)
    assert thinking(model, "medium") == {"includeThoughts": True, "thinkingLevel": "MEDIUM"}
    assert thinking(model, "minimal") == {"includeThoughts": True, "thinkingLevel": "LOW"}
    assert thinking(model, "max") == {"includeThoughts": True, "thinkingLevel": "HIGH"}


def test_thinking_that_cannot_be_off_is_as_little_as_can_be_and_hidden():
    assert thinking(a_model("gemini-4-argon", thinking_level_map=FROM_LOW), "off") == {"thinkingLevel": "LOW"}
    assert thinking(a_model("gemini-4-argon"), "off") == {"thinkingBudget": 0}
    assert thinking(a_model(thinking_level_map=FROM_LOW), "off") == {"thinkingBudget": 0}


def test_a_level_goes_by_the_name_that_it_is_mapped_to():
    model = a_model("gemini-4-argon", thinking_level_map={"xhigh": "HIGH", "low": "Minimal"})
    assert thinking(model, "xhigh")["thinkingLevel"] == "HIGH"
    assert thinking(model, "low")["thinkingLevel"] == "MINIMAL"
    with pytest.raises(ConfigError, match="mapping for google/gemini-4-argon: high -> ultra"):
        thinking(a_model("gemini-4-argon", thinking_level_map={"high": "ultra"}), "high")


def test_a_model_without_reasoning_is_told_nothing_about_thinking():
    assert thinking(a_model(reasoning=False), "high") is None


def test_every_level_of_every_built_in_model_can_be_asked_for():
    for model in catalog_models("google"):
        for level in ("off", *supported_levels(model)):
            assert thinking(model, level)


def test_limits_and_temperature_are_beside_the_thinking():
    options = StreamOptions(max_tokens=99, temperature=0)
    payload = build_payload(a_model(reasoning=False), Context((HI,), "Be kind."), options)
    assert payload == {
        "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
        "systemInstruction": {"role": "user", "parts": [{"text": "Be kind."}]},
        "generationConfig": {"maxOutputTokens": 99, "temperature": 0},
    }


def test_signatures_go_back_where_they_came_from_even_on_nothing():
    answer = said(
        Thinking("hm", "c2ln"),
        Thinking(" ", "c2ln"),
        Thinking("plain"),
        Thinking("", "not base64!"),
        Text("", "YWJj"),
        Text(" "),
        Text("ok", "odd"),
        ToolCall("1", "read", {"path": "a"}, "Y2FsbA=="),
        ToolCall("2", "read", {}, "Y2FsbA="),
    )
    sent = contents(a_model(), HI, answer, result("1", Text("a")), result("2", Text("b")))[1]
    assert sent == {
        "role": "model",
        "parts": [
            {"text": "hm", "thought": True, "thoughtSignature": "c2ln"},
            {"text": " ", "thought": True, "thoughtSignature": "c2ln"},
            {"text": "plain", "thought": True},
            {"text": "", "thoughtSignature": "YWJj"},
            {"text": "ok"},
            {"functionCall": {"name": "read", "args": {"path": "a"}}, "thoughtSignature": "Y2FsbA=="},
            {"functionCall": {"name": "read", "args": {}}},
        ],
    }


def test_what_another_model_thought_and_signed_goes_as_plain_words():
    answer = said(
        Thinking("hm", "c2ln"),
        Text("ok", "c2ln"),
        ToolCall("a|b", "read", {}, "c2ln"),
        model=a_model("other"),
    )
    parts = contents(a_model(), HI, answer)[1]["parts"]
    assert parts == [{"text": "hm"}, {"text": "ok"}, {"functionCall": {"name": "read", "args": {}}}]


def test_an_answer_of_nothing_is_left_out():
    assert contents(a_model(), HI, said(Text("")), HI) == [{"role": "user", "parts": [{"text": "hi"}]}] * 2


def test_calls_have_ids_where_the_model_wants_them():
    model = a_model("gemini-3-pro-preview")
    call, answer = contents(model, HI, said(ToolCall("c:1", "read", {})), result("c:1", Text("a")))[1:]
    assert call["parts"] == [{"functionCall": {"name": "read", "args": {}, "id": "c_1"}}]
    [part] = answer["parts"]
    assert part["functionResponse"] == {"name": "read", "response": {"output": "a"}, "id": "c_1"}


def test_results_of_one_turn_share_a_content_and_tell_errors_apart():
    turn = (
        said(ToolCall("1", "read", {}), ToolCall("2", "bash", {}), ToolCall("3", "read", {})),
        result("1", Text("a"), Text("b")),
        result("2", Text("no"), error=True, name="bash"),
        result("3", Text(" \r\n")),
    )
    sent = contents(a_model(), HI, *turn, HI)[2:]
    assert sent == [
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"name": "read", "response": {"output": "a\nb"}}},
                {"functionResponse": {"name": "bash", "response": {"error": "no"}}},
                {"functionResponse": {"name": "read", "response": {"output": ""}}},
            ],
        },
        {"role": "user", "parts": [{"text": "hi"}]},
    ]


@pytest.mark.parametrize("id", ["gemini-3-flash-preview", "claude-sonnet", "gemma-4-31b-it"])
def test_images_of_a_result_are_inside_it(id):
    model = a_model(id)
    answer = contents(model, HI, said(ToolCall("1", "read", {}), model=model), result("1", PICTURE))[2]
    response = answer["parts"][0]["functionResponse"]
    assert response["response"] == {"output": "(see attached image)"}
    assert response["parts"] == [SENT_PICTURE]


def test_for_the_second_generation_images_of_a_result_follow_it():
    turn = (said(ToolCall("1", "read", {}), ToolCall("2", "read", {})), result("1", Text("red"), PICTURE))
    assert contents(a_model(), HI, *turn, result("2", Text("b")))[2:] == [
        {
            "role": "user",
            "parts": [{"functionResponse": {"name": "read", "response": {"output": "red"}}}],
        },
        {"role": "user", "parts": [{"text": "Tool result image:"}, SENT_PICTURE]},
        {"role": "user", "parts": [{"functionResponse": {"name": "read", "response": {"output": "b"}}}]},
    ]


def test_users_send_text_and_images_in_their_order():
    parts = contents(a_model(), UserMessage((PICTURE, Text("what?")), 1), UserMessage((), 1))
    assert parts == [{"role": "user", "parts": [SENT_PICTURE, {"text": "what?"}]}]


def test_a_const_becomes_an_enum_of_one_but_only_where_a_schema_stands():
    schema = {
        "type": "object",
        "default": {"const": "kept"},
        "properties": {
            "const": {"const": "x"},
            "kind": {"anyOf": [{"const": 1}, {"const": None}, {"const": True}, True]},
            "named": {"const": "a", "enum": ["a", "b"], "examples": [{"const": "kept"}]},
        },
        "$defs": {"one": {"items": {"const": 2.5}}},
    }
    [sent], mode = tools(a_model(), ToolDeclaration("t", "", schema))
    assert mode is None
    assert sent == {
        "type": "object",
        "default": {"const": "kept"},
        "properties": {
            "const": {"enum": ["x"]},
            "kind": {"anyOf": [{"enum": [1]}, {"const": None}, {"const": True}, True]},
            "named": {"const": "a", "enum": ["a", "b"], "examples": [{"const": "kept"}]},
        },
        "$defs": {"one": {"items": {"enum": [2.5]}}},
    }
    assert schema["properties"]["const"] == {"const": "x"}


def test_tools_are_held_to_their_schema_from_the_third_generation_on():
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    strict = {
        "type": "object",
        "properties": {"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
        "required": ["a"],
        "additionalProperties": False,
    }
    wish = {"type": "json_schema", "strict": "prefer"}
    preferred = ToolDeclaration("t", "", schema, wish)
    loose = ToolDeclaration("u", "", {"type": "object", "allOf": []}, wish)
    new = a_model("gemini-3-pro-preview")
    assert tools(new, preferred, loose) == ([strict, loose.parameters], "VALIDATED")
    assert tools(new, loose) == ([loose.parameters], None)
    assert tools(new, preferred, tool_choice="none")[1] == "NONE"
    assert tools(a_model(), preferred) == ([schema], None)
    with pytest.raises(ConfigError, match=r'Tool "t" requires .* strict tools are unsupported'):
        tools(a_model(), ToolDeclaration("t", "", schema, wish | {"strict": "require"}))
    with pytest.raises(ConfigError, match=r'Tool "u" requires .* its schema has no strict form'):
        tools(new, ToolDeclaration("u", "", loose.parameters, wish | {"strict": "require"}))


@pytest.mark.parametrize(("choice", "mode"), [("auto", "AUTO"), ("none", "NONE"), (None, None)])
def test_a_choice_of_tools_is_a_calling_mode(choice, mode):
    assert tools(a_model(), ToolDeclaration("t", "", {}), tool_choice=choice)[1] == mode


def test_a_choice_of_tools_without_tools_is_not_sent():
    assert "toolConfig" not in build_payload(a_model(), Context((HI,)), StreamOptions(tool_choice="none"))


def test_headers_of_the_model_and_then_of_the_options_go_on_top_of_the_key():
    model = a_model(headers={"Authorization": "Bearer m", "X-One": "1"})
    options = StreamOptions(api_key="k", headers={"x-one": "2"})
    assert build_headers(model, options) == {
        "accept": "*/*",
        "x-goog-api-key": "k",
        "authorization": "Bearer m",
        "x-one": "2",
    }
    assert "x-goog-api-key" not in build_headers(model, StreamOptions())


def test_no_key_is_an_error_before_anything_is_sent():
    with pytest.raises(ProviderError, match=r"^No API key for provider: google$"):
        build_headers(a_model(), StreamOptions())


def test_the_catalog_knows_how_each_family_thinks():
    levels = {model.id: " ".join(supported_levels(model)) for model in catalog_models("google")}
    assert levels["gemini-2.5-pro"] == "off minimal low medium high"
    assert levels["gemini-3-flash-preview"] == levels["gemini-3.6-flash"] == "minimal low medium high"
    assert levels["gemini-3.1-pro-preview"] == levels["gemini-4-argon"] == "low medium high"
    assert levels["gemma-4-31b-it"] == "minimal high"
