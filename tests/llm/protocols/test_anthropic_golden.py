"""The requests that the original sent to Anthropic endpoints, made again from the recorded conversations."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pi.llm.formats.anthropic_payload import build_headers, build_payload
from pi.llm.messages import AssistantMessage, Message
from pi.llm.models import LEVELS, Model
from pi.llm.options import StreamOptions
from pi.llm.transcript import fold_system, prepare

GOLDEN = Path(__file__).parents[4] / "shared" / "golden"
SCENARIOS = (
    "anthropic-messages/bad-json-args",
    "anthropic-messages/bad-tool-calls",
    "anthropic-messages/disconnect",
    "anthropic-messages/error-400",
    "anthropic-messages/image-input",
    "anthropic-messages/image-input-2",
    "anthropic-messages/image-read-tool",
    "anthropic-messages/malformed-sse",
    "anthropic-messages/parallel-tools",
    "anthropic-messages/plain-text",
    "anthropic-messages/plain-usage-cache",
    "anthropic-messages/retry-429",
    "anthropic-messages/retry-500-twice",
    "anthropic-messages/stop-length",
    "anthropic-messages/stream-truncated",
    "anthropic-messages/thinking-budgets",
    "anthropic-messages/thinking-levels",
    "anthropic-messages/thinking-nonreasoning",
    "anthropic-messages/thinking-replay",
    "anthropic-messages/tool-read",
    "anthropic-messages/tools-mix",
    "cross/chain-backward",
    "cross/chain-forward",
    "cross/errors-images-aborts",
    "models/compat-anthropic",
)

pytestmark = [
    pytest.mark.conformance,
    pytest.mark.skipif(not GOLDEN.is_dir(), reason=f"no recordings at {GOLDEN}"),
]


def load(path: Path) -> list[Any]:
    sys.path.insert(0, str(GOLDEN))
    try:
        import compare
    finally:
        sys.path.remove(str(GOLDEN))
    return compare.load(path)


def models_of(scenario: dict[str, Any]) -> list[Model]:
    providers = scenario["setup"]["agentFiles"]["models.json"]["json"]["providers"]
    return [
        msgspec.convert(
            {
                "provider": name,
                "api": provider["api"],
                "baseUrl": provider["baseUrl"],
                "compat": provider.get("compat"),
                **entry,
            },
            Model,
        )
        for name, provider in providers.items()
        for entry in provider["models"]
    ]


def histories(folder: Path) -> Iterator[tuple[int, list[Message], str | None]]:
    """For each answer in the recording: its run, what had been said before it, and the session's id."""
    count = len(json.loads((folder / "scenario.json").read_text())["runs"])
    for run in range(1, count + 1):
        events = [*folder.glob(f"run{run}.events.jsonl"), *folder.glob(f"run{run}.rpc.jsonl")]
        said: list[Message] = []
        session_id = None
        for row in load(events[0]):
            event = row.get("data", row) if row.get("dir") != "in" else {}
            if event.get("type") == "session":
                session_id = event["id"]
            if event.get("type") != "message_end":
                continue
            message: Message = msgspec.convert(event["message"], Message)
            if isinstance(message, AssistantMessage):
                yield run - 1, list(said), session_id
            said.append(message)


def options_of(scenario: dict[str, Any], run: int, session_id: str | None, key: str) -> StreamOptions:
    args: list[str] = scenario["runs"][run]["args"]
    settings = scenario["setup"]["agentFiles"].get("settings.json", {}).get("json", {})
    level = args[args.index("--thinking") + 1] if "--thinking" in args else args[1].rpartition(":")[2]
    return StreamOptions(
        api_key=key,
        thinking=level if level in LEVELS else "off",
        thinking_budgets=settings.get("thinkingBudgets"),
        session_id=session_id,
    )


def comparable(value: Any, key: str = "") -> Any:
    """The recorder sorted sections and properties by name: orders that come from theirs are lost."""
    if isinstance(value, dict):
        return {name: comparable(item, name) for name, item in value.items()}
    if key == "system":
        return [block | {"text": sorted(block["text"].split("\n\n"))} for block in value]
    if isinstance(value, list):
        return sorted(value) if key == "required" else [comparable(item) for item in value]
    return value


@pytest.mark.parametrize("name", SCENARIOS)
def test_recorded_requests_are_made_again_to_the_field(name: str) -> None:
    folder = GOLDEN / "open" / name
    scenario = json.loads((folder / "scenario.json").read_text())
    models = models_of(scenario)
    requests, conversations = load(folder / "requests.jsonl"), list(histories(folder))
    assert len(requests) == len(conversations)
    for request, (run, said, session_id) in zip(requests, conversations, strict=True):
        if "/v1/messages" not in request["path"]:
            continue
        provider = scenario["runs"][run]["args"][1].partition("/")[0]
        fitting = [model for model in models if model.id == request["body"]["model"]]
        model = next((model for model in fitting if model.provider == provider), fitting[0])
        options = options_of(scenario, run, session_id, request["headers"]["x-api-key"])
        context = prepare(model, fold_system(said))

        assert comparable(build_payload(model, context, options)) == comparable(request["body"])
        sent = build_headers(model, context, options)
        wire = {"accept", "content-type", "user-agent"}
        assert sent == {key: value for key, value in request["headers"].items() if key not in wire}
