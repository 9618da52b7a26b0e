"""What Codex' backend is sent, held against OpenAI's types: it speaks their protocol, at another address."""

import json

from msgspec.structs import replace

from pi.llm.catalog import catalog_models
from pi.llm.formats.codex_payload import answered, build_payload, growth
from pi.llm.messages import Context, Text, UserMessage
from pi.llm.models import supported_levels
from pi.llm.options import StreamOptions
from pi.llm.transcript import prepare
from tests.oracles.sdks import KEY, accepted
from tests.oracles.test_requests import HI, READ, answer, contexts, model_of, whole_conversation

API = "openai-responses"
OPTIONS = StreamOptions(api_key=KEY, thinking="high", session_id="s1", temperature=0.5)


def test_openais_sdk_takes_every_kind_of_context() -> None:
    model = model_of(API, reasoning=True, compat={"supportsStrictMode": True})
    for name, context in contexts(model).items():
        payload = json.loads(json.dumps(build_payload(model, prepare(model, context), OPTIONS)))
        assert accepted(API, payload) == payload, name


def test_openais_sdk_takes_every_thinking_level_of_every_model() -> None:
    for model in catalog_models("openai-codex"):
        context = prepare(model, replace(whole_conversation(model_of(API)), tools=(READ,)))
        for level in supported_levels(model):
            payload = json.loads(json.dumps(build_payload(model, context, replace(OPTIONS, thinking=level))))
            assert accepted(API, payload) == payload, (model.ref, level)


def test_openais_sdk_takes_what_goes_on_from_an_answer() -> None:
    model = model_of(API, reasoning=True)
    before = Context((HI,))
    said = replace(answer(model, Text("yes", '{"v":1,"id":"msg_1"}')), response_id="resp_1")
    after = Context((HI, said, UserMessage("more", 1)))
    last = answered(build_payload(model, before, OPTIONS), model, before, said)
    payload = growth(build_payload(model, after, OPTIONS), last)
    assert payload and len(payload["input"]) == 1
    assert accepted(API, payload) == payload
