"""Responses: what the original sent and understood, done again against the same scripted provider."""

import asyncio
import importlib
import json
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from pi.llm.catalog import catalog_models
from pi.llm.events import StreamEnd
from pi.llm.formats.responses_payload import build_payload
from pi.llm.messages import AssistantMessage, Context, Message, UserMessage
from pi.llm.models import LEVELS, Model, clamp_level
from pi.llm.options import StreamOptions
from pi.llm.protocols.openai_responses import build_headers
from pi.llm.stream import ask
from pi.llm.transcript import fold_system, prepare

GOLDEN = Path(__file__).parents[4] / "shared" / "golden"
SCENARIOS = (
    "openai-responses/bad-json-args",
    "openai-responses/bad-tool-calls",
    "openai-responses/disconnect",
    "openai-responses/error-400",
    "openai-responses/image-input",
    "openai-responses/image-read-tool",
    "openai-responses/length-with-tool",
    "openai-responses/parallel-tools",
    "openai-responses/parallel-tools-fail",
    "openai-responses/plain-text",
    "openai-responses/plain-usage-cache",
    "openai-responses/retry-429",
    "openai-responses/retry-500-twice",
    "openai-responses/retry-exhausted",
    "openai-responses/sse-error",
    "openai-responses/stop-length",
    "openai-responses/stream-truncated",
    "openai-responses/thinking-levels",
    "openai-responses/thinking-nonreasoning",
    "openai-responses/thinking-replay",
    "openai-responses/tool-read",
    "openai-responses/tools-mix",
    "openai-responses/two-prompts",
    "context/default-prompt-all-protocols",
    "cross/chain-backward",
    "cross/chain-forward",
    "cross/errors-images-aborts",
    "models/compat-responses",
)
WIRE = {"accept", "content-type", "user-agent"}

pytestmark = [
    pytest.mark.conformance,
    pytest.mark.skipif(not GOLDEN.is_dir(), reason=f"no recordings at {GOLDEN}"),
]


def load(path):
    return importlib.import_module("compare").load(path)


def models_of(scenario):
    providers = scenario["setup"]["agentFiles"]["models.json"]["json"]["providers"]
    return [
        msgspec.convert(
            {"provider": name, "api": provider["api"], "baseUrl": provider["baseUrl"], **entry}
            | {"compat": provider.get("compat")},
            Model,
        )
        for name, provider in providers.items()
        for entry in provider["models"]
    ]


def histories(folder):
    """For each answer in the recording: its run, what had been said before it, the session's id, itself."""
    count = len(json.loads((folder / "scenario.json").read_text("utf-8"))["runs"])
    for run in range(count):
        [file] = [*folder.glob(f"run{run + 1}.events.jsonl"), *folder.glob(f"run{run + 1}.rpc.jsonl")]
        said, session_id = [], None
        for row in load(file):
            event = row.get("data", row) if row.get("dir") != "in" else {}
            if event.get("type") == "session":
                session_id = event["id"]
            if event.get("type") == "message_end":
                message = msgspec.convert(event["message"], Message)
                if isinstance(message, AssistantMessage):
                    yield run, list(said), session_id, message
                said.append(message)


def comparable(value, key=""):
    """The recorder sorted sections and properties by name: orders that come from theirs are lost."""
    match value:
        case {"role": "system" | "developer" as role, "content": str(content)}:
            return {"role": role, "content": sorted(content.split("\n\n"))}
        case dict():
            return {name: comparable(item, name) for name, item in value.items()}
        case list():
            return sorted(value) if key == "required" else [comparable(item) for item in value]
        case _:
            return value


async def answered(scenario, number, asks):
    """What the scripted provider saw and what came of it, for its request of that number."""
    provider = importlib.import_module("fake_provider").FakeProvider(scenario)
    provider.requests = [{}] * number
    port = await provider.start()
    try:
        model, context, options = asks
        model = replace(model, base_url=model.base_url.replace("{PORT}", str(port)))
        end = [event async for event in ask(model, context, options)][-1]
        assert isinstance(end, StreamEnd)
        return provider.requests[number], end.message
    finally:
        await provider.stop()


@pytest.mark.parametrize("name", SCENARIOS)
def test_recorded_conversations_are_had_again_to_the_field(name, monkeypatch):
    monkeypatch.syspath_prepend(str(GOLDEN))
    folder = GOLDEN / "open" / name
    scenario = json.loads((folder / "scenario.json").read_text("utf-8"))
    models = models_of(scenario)
    requests, conversations = load(folder / "requests.jsonl"), list(histories(folder))
    assert len(requests) == len(conversations)
    for request, (run, said, session_id, theirs) in zip(requests, conversations, strict=True):
        if not request["path"].endswith("/responses"):
            continue
        args = scenario["runs"][run]["args"]
        named = [model for model in models if (model.provider, model.id) == (theirs.provider, theirs.model)]
        level = args[args.index("--thinking") + 1] if "--thinking" in args else "off"
        key = request["headers"]["authorization"].removeprefix("Bearer ")
        # the session itself lends its id, a run over RPC tells it nowhere else
        options = StreamOptions(
            api_key=key,
            thinking=level if level in LEVELS else "off",
            session_id=session_id or request["body"]["prompt_cache_key"],
        )
        asks = named[0], fold_system(said), options
        sent, ours = asyncio.run(answered(scenario, request["n"], asks))
        assert comparable(sent["body"]) == comparable(request["body"])
        headers = {name: value for name, value in request["headers"].items() if name not in WIRE}
        assert {name: value for name, value in sent["headers"].items() if name not in WIRE} == headers
        assert sent["path"] == request["path"]
        assert replace(ours, timestamp=0) == replace(theirs, timestamp=0)


def test_a_built_in_model_is_asked_as_the_original_asks_it(monkeypatch):
    monkeypatch.syspath_prepend(str(GOLDEN))
    requests = load(GOLDEN / "open" / "models" / "builtin-levels" / "requests.jsonl")
    theirs = [row for row in requests if row["body"].get("model") == "gpt-5"]
    [model] = [model for model in catalog_models("openai") if model.id == "gpt-5"]
    for level, request in zip(LEVELS, theirs, strict=True):
        body = request["body"]
        context = Context((UserMessage(f"Level {level}", 1),), system=body["input"][0]["content"])
        session = body["prompt_cache_key"]
        options = StreamOptions(api_key="k", thinking=clamp_level(model, level), session_id=session)
        assert build_payload(model, prepare(model, context), options) == body
        headers = {name: value for name, value in request["headers"].items() if name not in WIRE}
        assert build_headers(model, options) == headers
