"""Gemini: the requests that the original sent, made again from the recorded conversations."""

import importlib
import json
from pathlib import Path

import msgspec
import pytest

from pi.llm.catalog import catalog_models
from pi.llm.formats.google_payload import build_payload
from pi.llm.messages import AssistantMessage, Context, Message, UserMessage
from pi.llm.models import LEVELS, Model
from pi.llm.options import StreamOptions
from pi.llm.protocols.google_generative_ai import build_headers
from pi.llm.transcript import fold_system, prepare

GOLDEN = Path(__file__).parents[4] / "shared" / "golden"
SCENARIOS = (
    "google-generative-ai/bad-tool-calls",
    "google-generative-ai/disconnect",
    "google-generative-ai/error-400",
    "google-generative-ai/image-input",
    "google-generative-ai/image-input-2",
    "google-generative-ai/image-read-tool",
    "google-generative-ai/malformed-sse",
    "google-generative-ai/parallel-tools",
    "google-generative-ai/plain-text",
    "google-generative-ai/plain-usage-cache",
    "google-generative-ai/retry-429",
    "google-generative-ai/retry-500-twice",
    "google-generative-ai/retry-disabled",
    "google-generative-ai/retry-exhausted",
    "google-generative-ai/stop-length",
    "google-generative-ai/stream-truncated",
    "google-generative-ai/thinking-budgets",
    "google-generative-ai/thinking-levels",
    "google-generative-ai/thinking-nonreasoning",
    "google-generative-ai/thinking-replay",
    "google-generative-ai/tool-read",
    "google-generative-ai/tools-mix",
    "context/default-prompt-all-protocols",
    "cross/chain-backward",
    "cross/chain-forward",
    "cross/errors-images-aborts",
)

pytestmark = [
    pytest.mark.conformance,
    pytest.mark.skipif(not GOLDEN.is_dir(), reason=f"no recordings at {GOLDEN}"),
]


def load(path):
    return importlib.import_module("compare").load(path)


def models_of(scenario):
    providers = scenario["setup"]["agentFiles"]["models.json"]["json"]["providers"]
    return {
        (name, entry["id"]): msgspec.convert(
            {"provider": name, "api": provider["api"], "baseUrl": provider["baseUrl"], **entry}, Model
        )
        for name, provider in providers.items()
        for entry in provider["models"]
    }


def histories(folder):
    """For each answer in the recording: its run, what had been said before it, and itself."""
    count = len(json.loads((folder / "scenario.json").read_text("utf-8"))["runs"])
    for run in range(count):
        [file] = [*folder.glob(f"run{run + 1}.events.jsonl"), *folder.glob(f"run{run + 1}.rpc.jsonl")]
        said = []
        for row in load(file):
            event = row.get("data", row) if row.get("dir") != "in" else {}
            if event.get("type") == "message_end":
                message = msgspec.convert(event["message"], Message)
                if isinstance(message, AssistantMessage):
                    yield run, list(said), message
                said.append(message)


def options_of(scenario, run, key):
    args = scenario["runs"][run]["args"]
    settings = scenario["setup"]["agentFiles"].get("settings.json", {}).get("json", {})
    level = args[args.index("--thinking") + 1] if "--thinking" in args else args[1].rpartition(":")[2]
    return StreamOptions(
        api_key=key,
        thinking=level if level in LEVELS else "off",
        thinking_budgets=settings.get("thinkingBudgets"),
    )


def comparable(value, key=""):
    """The recorder sorted sections and properties by name: orders that come from theirs are lost."""
    match value:
        case {"systemInstruction": {"parts": [{"text": str(text)}], "role": role}, **rest}:
            return {"system": (role, sorted(text.split("\n\n")))} | comparable(rest)
        case dict():
            return {name: comparable(item, name) for name, item in value.items()}
        case list():
            return sorted(value) if key == "required" else [comparable(item) for item in value]
        case _:
            return value


@pytest.mark.parametrize("name", SCENARIOS)
def test_recorded_requests_are_made_again_to_the_field(name, monkeypatch):
    monkeypatch.syspath_prepend(str(GOLDEN))
    folder = GOLDEN / "open" / name
    scenario = json.loads((folder / "scenario.json").read_text("utf-8"))
    models = models_of(scenario)
    requests, conversations = load(folder / "requests.jsonl"), list(histories(folder))
    assert len(requests) == len(conversations)
    for request, (run, said, theirs) in zip(requests, conversations, strict=True):
        if "x-goog-api-key" not in request["headers"]:
            continue
        model = models[theirs.provider, theirs.model]
        options = options_of(scenario, run, request["headers"]["x-goog-api-key"])
        context = prepare(model, fold_system(said))
        assert comparable(build_payload(model, context, options)) == comparable(request["body"])
        wire = {"content-type", "user-agent", "x-goog-api-client"}
        sent = {key: value for key, value in request["headers"].items() if key not in wire}
        assert build_headers(model, options) == sent


def test_recorded_levels_of_a_built_in_model_are_asked_for_again(monkeypatch):
    monkeypatch.syspath_prepend(str(GOLDEN))
    models = {model.id: model for model in catalog_models("google")}
    requests = load(GOLDEN / "open/models/builtin-levels/requests.jsonl")
    ours = [request for request in requests if "x-goog-api-key" in request["headers"]]
    assert len(ours) == len(LEVELS)
    for request in ours:
        body = request["body"]
        model = models[request["path"].partition("/models/")[2].partition(":")[0]]
        text = body["contents"][0]["parts"][0]["text"]
        system = body["systemInstruction"]["parts"][0]["text"]
        options = StreamOptions(api_key="k", thinking=text.removeprefix("Level "))
        assert build_payload(model, Context((UserMessage(text, 1),), system), options) == body
