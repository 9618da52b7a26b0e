"""What may differ from a recording in details: fields that later versions add, and JavaScript's own."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

TWINS = Path(__file__).parent / "twins"
# "group/scenario" → its extension in JavaScript; ours loads the Python twin of the same name.
TWIN_OF = {"rpc/extension-ui": "ui.js", "rpc/tree-navigation": "ext.js"}
# Steps that only JavaScript understands: a command that isn't there runs as the word "undefined".
MENDED_STEPS = {"rpc/errors": [({"id": "r10", "type": "bash"}, {"command": "undefined"})]}


def mended(name: str, scenario: dict[str, Any]) -> dict[str, Any]:
    """The scenario as our program can play it."""
    text = json.dumps(scenario)
    if script := TWIN_OF.get(name):
        text = text.replace(f"{{CWD}}/{script}", str(_twin(script)))
    scenario = json.loads(text)
    for sent, more in MENDED_STEPS.get(name, ()):
        for run in scenario["runs"]:
            for step in run["script"]:
                if step.get("send") == sent:
                    step["send"] = {**sent, **more}
    return scenario


def forgiving(name: str, events: Callable[[list[Any]], list[Any]]) -> Callable[[list[Any]], list[Any]]:
    """The comparer's reading of events, without what may differ."""

    def read(rows: list[Any]) -> list[Any]:
        text = json.dumps(rows)
        if script := TWIN_OF.get(name):
            twin = _twin(script)
            text = text.replace(str(twin), f"{{CWD}}/{script}")
            text = text.replace('"error": "ToolError: ', '"error": "')  # ours names the kind
            for key in ("statusKey", "widgetKey"):  # ours has the extension's name before it
                text = text.replace(f'"{key}": "{twin.stem}:', f'"{key}": "')
        rows = json.loads(text)
        for row in rows:
            record = row.get("data") if isinstance(row, dict) else None
            if isinstance(record, dict) and record.get("type") == "response":
                _forgive(record)
        return events(rows)

    return read


def _forgive(response: dict[str, Any]) -> None:
    response.pop("code", None)  # ours
    data = response.get("data")
    if isinstance(data, dict):
        if data.pop("disposition", None) and not data:  # since 1.0
            del response["data"]
        if "commands" in data:  # its extension for llama.cpp is built in
            data["commands"] = [each for each in data["commands"] if each["name"] != "llama"]
    error = response.get("error", "")
    if error.startswith(("Cannot read properties of undefined", "Invalid arguments: ")):
        response["error"] = "<an argument is missing>"
    if error.startswith("No API key found"):  # what to do then is our own
        response["error"] = error.split("\n\n")[0]


def _twin(script: str) -> Path:
    return TWINS / Path(script).with_suffix(".py").name
