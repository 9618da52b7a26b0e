"""Writes long sessions in Pi's file format, for the runs that continue one."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

STAMP = "2026-01-02T03:04:05.000Z"
MILLISECONDS = 1767323045000
SESSION = "00000000-0000-4000-8000-000000000001"
WORDS = "A plain sentence of forty-five characters... " * 5
TEXT = [{"type": "text", "text": WORDS}]
USAGE = {"input": 100, "output": 10, "cacheRead": 0, "cacheWrite": 0, "totalTokens": 110}
COST = {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0, "total": 0}
ANSWER = {
    "role": "assistant",
    "api": "openai-completions",
    "provider": "fake",
    "model": "fake",
    "usage": {**USAGE, "cost": COST},
    "timestamp": MILLISECONDS,
}
KEPT = 40  # entries from the compaction to the end of a compacted session


def write_pi_session(agent: Path, cwd: Path, *, entries: int, compacted: bool) -> None:
    """Put one session of `entries` entries for `cwd` into the agent directory `agent`.

    Four entries are a round: question, bash call, its result, answer; some 225 characters of text in each.
    `compacted` puts a compaction near the end, so that a model is sent only the last few.
    """
    folder = agent / "sessions" / f"--{str(cwd).lstrip('/').replace('/', '-')}--"
    folder.mkdir(parents=True)
    head = {"type": "session", "version": 3, "id": SESSION, "timestamp": STAMP, "cwd": str(cwd)}
    with (folder / f"2026-01-02T03-04-05-000Z_{SESSION}.jsonl").open("w") as file:
        file.write(json.dumps(head) + "\n")
        for number, entry in enumerate(content(entries, compacted)):
            parent = f"{number - 1:08x}" if number else None
            entry.update({"id": f"{number:08x}", "parentId": parent, "timestamp": STAMP})
            file.write(json.dumps(entry) + "\n")


def content(entries: int, compacted: bool) -> Iterator[dict[str, Any]]:
    for number in range(entries):
        if compacted and number == entries - KEPT:
            kept = f"{number - 4:08x}"
            yield {"type": "compaction", "summary": WORDS, "firstKeptEntryId": kept, "tokensBefore": 90_000}
        elif compacted and entries - KEPT < number < entries - KEPT + 4:
            yield {"type": "custom", "customType": "filler", "data": {}}  # so that the rounds stay whole
        else:
            yield {"type": "message", "message": message(number)}


def message(number: int) -> dict[str, Any]:
    call_id = f"call_{number // 4}"
    match number % 4:
        case 0:
            return {"role": "user", "content": WORDS, "timestamp": MILLISECONDS}
        case 1:
            call = {"type": "toolCall", "id": call_id, "name": "bash", "arguments": {"command": "ls"}}
            return {**ANSWER, "content": [*TEXT, call], "stopReason": "toolUse"}
        case 2:
            result = {"role": "toolResult", "toolCallId": call_id, "toolName": "bash", "content": TEXT}
            return {**result, "isError": False, "timestamp": MILLISECONDS}
        case _:
            return {**ANSWER, "content": TEXT, "stopReason": "stop"}
