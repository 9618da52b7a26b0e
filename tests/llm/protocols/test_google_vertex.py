"""Vertex AI: where a request goes and what opens it; conversation and answer are Gemini's."""

import asyncio
import json

import pytest

from pi.llm.catalog import catalog_models
from pi.llm.draft import Draft
from pi.llm.errors import ProtocolError, ProviderError
from pi.llm.events import BlockDelta, BlockEnd, BlockStart, StreamStart
from pi.llm.formats.google_payload import build_payload
from pi.llm.messages import Context, Image, Text, Thinking, ToolCall, ToolDeclaration, UserMessage
from pi.llm.models import Model, supported_levels
from pi.llm.options import StreamOptions
from pi.llm.protocols.google_vertex import build_url, stream
from pi.platform.errors import ConfigError
from tests.llm.auth.test_google_cloud import TOKEN, service_account
from tests.llm.protocols.cloud import answered, header, host
from tests.llm.protocols.wire import CONTEXT, data

GOOGLES = "https://{location}-aiplatform.googleapis.com"
AT = {"GOOGLE_CLOUD_PROJECT": "p", "GOOGLE_CLOUD_LOCATION": "europe-west4"}
KEYED = StreamOptions(api_key="k", env={})


def a_model(url=GOOGLES, **fields):
    known = {"id": "gemini-2.5-flash", "provider": "google-vertex", "api": "google-vertex", "base_url": url}
    return Model(**(known | fields))


def chunk(*parts, finish=None):
    return data(
        {"candidates": [{"content": {"parts": list(parts)}, "finishReason": finish}], "responseId": "r"}
    )


def run(raw, *, options=KEYED, path="", **fields):
    found = []

    async def talk():
        async with host(lambda head, body: raw) as (url, seen):
            draft = Draft(a_model(url + path, **fields))
            try:
                async for event in stream(draft, CONTEXT, options):
                    found.append(event)
            except ProviderError as error:
                return draft, error, seen
            return draft, None, seen

    draft, error, seen = asyncio.run(talk())
    return found, draft, error, seen


@pytest.mark.parametrize(
    ("env", "at"),
    [
        (AT, "https://europe-west4-aiplatform.googleapis.com/v1/projects/p/locations/europe-west4"),
        (
            {"GCLOUD_PROJECT": "p", "GOOGLE_CLOUD_LOCATION": "global"},
            "https://aiplatform.googleapis.com/v1/projects/p/locations/global",
        ),
        (
            AT | {"GOOGLE_CLOUD_LOCATION": "eu"},
            "https://aiplatform.eu.rep.googleapis.com/v1/projects/p/locations/eu",
        ),
    ],
)
def test_googles_hosts_follow_the_location(env, at):
    resource = "/publishers/google/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
    assert build_url(a_model(), None, env) == at + resource
    assert build_url(a_model(""), None, env) == at + resource


@pytest.mark.parametrize(
    ("base", "id", "path"),
    [
        ("http://a", "m", "/v1/publishers/google/models/m"),
        ("http://a/", "zai-org/glm", "/v1/publishers/zai-org/models/glm"),
        (
            "http://a/v1beta1/projects/p/locations/l",
            "m",
            "/v1beta1/projects/p/locations/l/publishers/google/models/m",
        ),
        ("http://a/vertex", "publishers/x/models/y", "/vertex/v1/publishers/x/models/y"),
        ("http://a", "a b", "/v1/publishers/google/models/a%20b"),
    ],
)
def test_an_address_of_ones_own_is_where_publishers_are(base, id, path):
    for key, env in (("k", {}), (None, AT), (None, {})):
        assert build_url(a_model(base, id=id), key, env) == f"http://a{path}:streamGenerateContent?alt=sse"


def test_a_key_needs_no_project_and_tuned_models_bring_their_own():
    resource = "publishers/google/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
    assert build_url(a_model(), "k", {}) == f"https://aiplatform.googleapis.com/v1/{resource}"
    tuned = "projects/9/locations/us-east1/endpoints/1"
    assert build_url(a_model(id=tuned), None, AT) == (
        f"https://europe-west4-aiplatform.googleapis.com/v1/{tuned}:streamGenerateContent?alt=sse"
    )


@pytest.mark.parametrize(
    ("env", "says"),
    [
        ({}, "Vertex AI requires a project ID. Set GOOGLE_CLOUD_PROJECT or GCLOUD_PROJECT."),
        ({"GCLOUD_PROJECT": "p"}, "Vertex AI requires a location. Set GOOGLE_CLOUD_LOCATION."),
    ],
)
def test_what_is_missing_for_the_address_is_said_before_anything_is_sent(env, says):
    async def ask():
        async for _ in stream(Draft(a_model()), CONTEXT, StreamOptions(env=env)):
            pass

    with pytest.raises(ConfigError) as caught:
        asyncio.run(ask())
    assert str(caught.value) == says


def test_a_request_with_a_key_is_posted_with_geminis_body():
    events, _, error, [(head, body)] = run(answered(chunk(finish="STOP")), headers={"X-Own": "1"})
    assert error is None
    assert events == [StreamStart()]
    assert head.startswith(
        "POST /v1/publishers/google/models/gemini-2.5-flash:streamGenerateContent?alt=sse HTTP"
    )
    assert header(head, "x-goog-api-key") == "k"
    assert header(head, "x-own") == "1"
    assert json.loads(body) == build_payload(a_model(), CONTEXT, KEYED)


@pytest.mark.parametrize("key", [None, "", "gcp-vertex-credentials", "<authenticated>"])
def test_without_a_key_the_clouds_credentials_open_the_request(tmp_path, key):
    pytest.importorskip("google.auth")

    async def talk():
        def answer(head, body):
            return answered(TOKEN) if head.startswith("POST /token ") else answered(chunk(finish="STOP"))

        async with host(answer) as (url, seen):
            path = tmp_path / "key.json"
            path.write_text(json.dumps(service_account(url)))
            options = StreamOptions(api_key=key, env=AT | {"GOOGLE_APPLICATION_CREDENTIALS": str(path)})
            assert [e async for e in stream(Draft(a_model(url)), CONTEXT, options)] == [StreamStart()]
            return seen

    [(token, _), (head, _)] = asyncio.run(talk())
    assert token.startswith("POST /token ")
    assert header(head, "authorization") == "Bearer tok"
    assert header(head, "x-goog-api-key") is None


def test_headers_that_open_the_request_make_credentials_unneeded():
    options = StreamOptions(env=AT, headers={"Authorization": "Bearer own"})
    *_, error, [(head, _)] = run(answered(chunk(finish="STOP")), options=options)
    assert error is None
    assert header(head, "authorization") == "Bearer own"


def test_parts_become_blocks():
    events, draft, error, _ = run(
        answered(
            chunk({"text": "hm", "thought": True, "thoughtSignature": "c2ln"})
            + chunk(
                {"text": "ok"}, {"functionCall": {"id": "1", "name": "ls", "args": {"a": 1}}}, finish="STOP"
            )
        )
    )
    call = ToolCall("1", "ls", {"a": 1})
    assert error is None
    assert events == [
        StreamStart(),
        BlockStart("thinking_start", 0),
        BlockDelta("thinking_delta", 0, "hm"),
        BlockEnd("thinking_end", 0, "hm"),
        BlockStart("text_start", 1),
        BlockDelta("text_delta", 1, "ok"),
        BlockEnd("text_end", 1, "ok"),
        BlockStart("toolcall_start", 2, "1", "ls"),
        BlockDelta("toolcall_delta", 2, '{"a":1}'),
        BlockEnd("toolcall_end", 2, tool_call=call),
    ]
    message = draft.freeze(draft.stop_reason)
    assert message.content == (Thinking("hm", "c2ln"), Text("ok"), call)
    assert (message.stop_reason, message.response_id) == ("toolUse", "r")


def test_an_answer_without_a_reason_to_stop_is_an_error():
    error = run(answered(chunk({"text": "a"})))[2]
    assert isinstance(error, ProtocolError)
    assert str(error) == "Google Vertex stream ended without a finish reason"


def test_a_refusal_is_told_in_the_shape_of_googles():
    body = {"error": {"code": 429, "message": "Resource exhausted.", "status": "RESOURCE_EXHAUSTED"}}
    events, _, error, _ = run(answered(body, 429))
    assert events == []
    assert (str(error), error.status) == (json.dumps(body, separators=(",", ":")), 429)


def test_the_sdks_types_take_every_level_of_every_built_in_model():
    pytest.importorskip("google.genai")
    from tests.oracles.sdks import accepted

    picture = UserMessage((Text("see"), Image("iVBORw0KGgo=", "image/png")), 1)
    context = Context((picture,), "You help.", (ToolDeclaration("t", "Does.", {"type": "object"}),))
    for model in catalog_models("google-vertex"):
        for level in supported_levels(model):
            payload = build_payload(model, context, StreamOptions(thinking=level))
            assert accepted("google-generative-ai", payload) == payload, (model.ref, level)
