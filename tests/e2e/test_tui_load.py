"""Much at once in a real terminal: fast streams, long sessions, and a place in the transcript that stays."""

import json
import time
from typing import Any

from tests.e2e.conftest import Terminals, World
from tests.e2e.tmux import editor

DELTAS, AT_ONCE, EACH_MS = 5_000, 50, 10  # 5,000 in a second
ECHO_S = 1.0
MESSAGES = 5_000


def stream(words: list[str]) -> dict[str, Any]:
    """Deltas in packets of AT_ONCE, one each EACH_MS."""
    events = [
        f"data: {json.dumps({'choices': [{'index': 0, 'delta': {'content': word}}]})}\n\n" for word in words
    ]
    packets: list[Any] = []
    for start in range(0, len(events), AT_ONCE):
        packets += ["".join(events[start : start + AT_ONCE]), EACH_MS]
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    return {"sse": [*packets, f"data: {json.dumps(end)}\n\ndata: [DONE]\n\n"]}


def test_keys_are_seen_while_five_thousand_deltas_come_in_a_second(
    terminals: Terminals, world: World
) -> None:
    words = [f"word{number} " + ("\n\n" if number % 40 == 39 else "") for number in range(DELTAS)]
    world.provider.script(stream(words))
    screen = terminals.open()
    screen.say("hurry")
    screen.until("word")
    slowest, typed = 0.0, ""

    for letter in "abcdefgh":
        typed += letter
        begun = time.monotonic()
        screen.type(letter)
        screen.until(lambda shown, typed=typed: editor(shown) == typed)
        slowest = max(slowest, time.monotonic() - begun)
    screen.until(lambda shown: "word4999" in shown and "to interrupt" not in shown)

    assert slowest < ECHO_S
    assert world.last_message()["content"][0]["text"] == "".join(words)


def test_what_people_read_stays_in_place_while_an_answer_grows(terminals: Terminals, world: World) -> None:
    first = "\n\n".join(f"old {number}" for number in range(60))
    more = "\n\n".join(f"new {number}" for number in range(300))
    world.provider.script(
        {"text": first, "chunk": 500}, {"text": f"{more}\n\nThe end.", "chunk": 10, "delayMs": 3}
    )
    screen = terminals.open()
    screen.say("begin")
    screen.until("old 59")
    screen.say("more")
    screen.until("new 3")

    before = screen.text
    while not ("old 4" in before and "new" not in before):
        screen.press("PageUp")
        before = screen.until(lambda shown, last=before: shown != last)
    top = [row.rstrip("│┃ ") for row in before.split("\n")[:20]]
    screen.until(
        lambda _: world.last_message()["role"] == "assistant" and "The end." in str(world.last_message())
    )
    screen.gone("to interrupt")

    assert [row.rstrip("│┃ ") for row in screen.rows[:20]] == top
    screen.press("End", "C-End")
    screen.say("done")
    screen.until("Fine.")


def test_a_long_session_opens_at_its_end_and_is_paged_through(terminals: Terminals, world: World) -> None:
    world.provider.script({"text": "Well."})
    assert world.run("-p", "begin").returncode == 0
    (path,) = world.agent.glob("sessions/*/*.jsonl")
    lines = path.read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    parent, template = entries[-1]["id"], entries[-1]["message"]
    for number in range(MESSAGES):
        said = f"message number {number}"
        message = (
            {"role": "user", "content": [{"type": "text", "text": said}], "timestamp": 1}
            if number % 2 == 0
            else {**template, "content": [{"type": "text", "text": said}]}
        )
        entry = {**entries[-1], "id": f"{number:08x}", "parentId": parent, "message": message}
        parent = entry["id"]
        lines.append(json.dumps(entry))
    path.write_text("\n".join(lines) + "\n")

    screen = terminals.open("-c")
    screen.until("message number 4999")
    for _ in range(20):
        screen.press("PageUp")
    screen.until(lambda shown: "message number 48" in shown and "4999" not in shown)
    screen.say("at the end")
    screen.until(lambda shown: "message number 4999" in shown and "Fine." in shown)

    assert world.provider.asked()[-1] == "at the end"
