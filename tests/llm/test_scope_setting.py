"""`enabledModels` is the scope of a session that is given none."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pi.sdk import ModelChoice, create_agent_session


def first_model(folder: Path, settings: Mapping[str, Any], choice: ModelChoice | None = None) -> str:
    entry = {"baseUrl": "http://127.0.0.1:9/v1", "api": "openai-completions", "apiKey": "k"}
    models = [{"id": id, "reasoning": True} for id in ("a", "b", "c")]
    (folder / "models.json").write_text(json.dumps({"providers": {"mine": entry | {"models": models}}}))
    (folder / "settings.json").write_text(json.dumps(settings))
    session = asyncio.run(create_agent_session(cwd=folder, agent_dir=folder, model=choice))
    return f"{session.model.ref}:{session.thinking_level}"


@pytest.mark.parametrize(
    ("settings", "choice", "expected"),
    [
        ({"enabledModels": ["mine/[bc]:low"]}, None, "mine/b:low"),
        (
            {"enabledModels": ["mine/[bc]:low"], "defaultProvider": "mine", "defaultModel": "c"},
            None,
            "mine/c:low",
        ),
        ({"enabledModels": ["mine/b"]}, ModelChoice(scope=("mine/c:high",)), "mine/c:high"),
        ({"enabledModels": ["mine/b"]}, ModelChoice("mine/a:low"), "mine/a:low"),
    ],
)
def test_the_first_model_comes_from_the_scope(
    tmp_path: Path, settings: dict[str, Any], choice: ModelChoice | None, expected: str
) -> None:
    assert first_model(tmp_path, settings, choice) == expected
