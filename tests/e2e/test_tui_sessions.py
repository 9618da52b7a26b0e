"""Sessions in a real terminal: new, named, opened, forked, cloned, gone back in, compacted, exported."""

import json
from pathlib import Path
from typing import Any

from tests.e2e.conftest import Terminals, World
from tests.e2e.tmux import Tmux, editor


def said(path: Path) -> list[str]:
    """What the user said in a session file."""
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    messages = [entry["message"] for entry in entries if entry["type"] == "message"]
    return [message["content"][0]["text"] for message in messages if message["role"] == "user"]


def files(world: World) -> list[Path]:
    return sorted(world.agent.glob("sessions/*/*.jsonl"), key=lambda path: path.stat().st_mtime_ns)


def talk(screen: Tmux, text: str) -> str:
    """Say something, and wait for the answer: the scripted model repeats it."""
    screen.say(text)
    screen.until(f"Heard {text}.")
    return screen.gone("to interrupt")


def listen(world: World) -> None:
    """The model answers with what it heard last."""
    words = ("gamma", "beta", "alpha")
    world.provider.script(rules={word: {"text": f"Heard {word}."} for word in words})


def test_a_new_session_begins_empty_and_the_old_one_is_found_again(
    terminals: Terminals, world: World
) -> None:
    listen(world)
    screen = terminals.open()
    talk(screen, "alpha")
    screen.say("/name the first")
    screen.until("The session is called: the first")

    screen.say("/new")
    shown = screen.until("New session started.")
    assert "alpha" not in shown
    talk(screen, "beta")
    screen.say("/resume")
    screen.until("Sessions: ")
    screen.type("first")
    screen.until(lambda shown: "the first" in shown and "beta" not in shown.partition("Sessions: ")[2])
    screen.press("Enter")
    shown = screen.until("Session resumed.")

    assert "Heard alpha." in shown
    assert "beta" not in shown
    talk(screen, "gamma")
    assert sorted(said(path) for path in files(world)) == [["alpha", "gamma"], ["beta"]]
    assert [message["role"] for message in world.provider.requests[-1]["body"]["messages"]][1:] == [
        "user",
        "assistant",
        "user",
    ]


def test_the_last_session_goes_on_after_a_new_start(terminals: Terminals, world: World) -> None:
    listen(world)
    screen = terminals.open()
    talk(screen, "alpha")
    screen.say("/quit")
    assert screen.ended() == 0

    again = terminals.open("-c")
    again.until("Heard alpha.")
    talk(again, "beta")

    (path,) = files(world)
    assert said(path) == ["alpha", "beta"]


def test_a_session_is_chosen_at_the_start(terminals: Terminals, world: World) -> None:
    listen(world)
    for word in ("alpha", "beta"):
        assert world.run("-p", word).returncode == 0

    screen = terminals.open("-r", ready="Sessions: ")
    screen.until("alpha")
    screen.type("alpha")
    screen.until(lambda shown: "beta" not in shown)
    screen.press("Enter")
    screen.until("Heard alpha.")
    talk(screen, "gamma")

    assert sorted(said(path) for path in files(world)) == [["alpha", "gamma"], ["beta"]]
    away = terminals.open("-r", ready="Sessions: ")
    away.press("Escape")
    assert away.ended() == 0
    assert len(files(world)) == 2


def test_a_fork_is_a_new_session_and_gives_the_text_back(terminals: Terminals, world: World) -> None:
    listen(world)
    screen = terminals.open()
    talk(screen, "alpha")
    talk(screen, "beta")

    screen.say("/fork")
    screen.until("→")
    screen.type("beta")
    screen.press("Enter")
    shown = screen.until("Forked:")

    assert editor(shown) == "beta"
    assert "Heard alpha." in shown
    assert "Heard beta." not in shown
    screen.press("C-u")
    talk(screen, "gamma")
    old, new = files(world)
    assert (said(old), said(new)) == (["alpha", "beta"], ["alpha", "gamma"])
    assert json.loads(new.read_text().partition("\n")[0])["parentSession"] == str(old)


def test_a_clone_leaves_the_session_as_it_was(terminals: Terminals, world: World) -> None:
    listen(world)
    screen = terminals.open()
    talk(screen, "alpha")
    (old,) = files(world)
    before = old.read_bytes()

    screen.say("/clone")
    screen.until("Cloned:")
    talk(screen, "beta")

    assert old.read_bytes() == before
    assert [said(path) for path in files(world)] == [["alpha"], ["alpha", "beta"]]


def test_the_tree_leads_back_and_another_branch_begins(terminals: Terminals, world: World) -> None:
    listen(world)
    screen = terminals.open()
    talk(screen, "alpha")
    talk(screen, "beta")

    screen.say("/tree")
    screen.until("── Session tree ──")
    screen.type("Heard alpha")
    screen.until("→ • assistant: Heard alpha.")
    screen.press("Enter")
    screen.until("Summarize the branch you leave?")
    screen.press("Enter")
    shown = screen.until("You are at the chosen point.")

    assert "Heard alpha." in shown
    assert "Heard beta." not in shown
    talk(screen, "gamma")
    messages: list[dict[str, Any]] = world.provider.requests[-1]["body"]["messages"]
    assert [message["content"] for message in messages[1:] if message["role"] == "assistant"] == [
        "Heard alpha."
    ]
    (path,) = files(world)
    assert said(path) == ["alpha", "beta", "gamma"]


def test_a_summary_takes_the_place_of_what_was_said(terminals: Terminals, world: World) -> None:
    world.settings(compaction={"keepRecentTokens": 1})
    heard = [{"text": "Heard alpha."}, {"text": "Heard beta."}]
    world.provider.script(*heard, *[{"text": "THE SUMMARY"}] * 2, after={"text": "Heard gamma."})
    screen = terminals.open()
    talk(screen, "alpha")
    talk(screen, "beta")

    screen.say("/compact the facts")
    screen.until("Compacted")
    talk(screen, "gamma")

    assert "the facts" in str(world.provider.requests[2]["body"])
    sent = str(world.provider.requests[-1]["body"])
    assert ("THE SUMMARY" in sent, "Heard alpha." in sent) == (True, False)
    (session,) = world.sessions()
    summary = next(entry["summary"] for entry in session if entry["type"] == "compaction")
    assert summary.startswith("THE SUMMARY")


def test_what_is_said_during_a_summary_is_sent_after_it(terminals: Terminals, world: World) -> None:
    world.settings(compaction={"keepRecentTokens": 1})
    summary = {"text": "THE SUMMARY", "chunk": 1, "delayMs": 150}
    heard = [{"text": "Heard alpha."}, {"text": "Heard beta."}]
    world.provider.script(*heard, summary, summary, after={"text": "Heard gamma."})
    screen = terminals.open()
    talk(screen, "alpha")
    talk(screen, "beta")

    screen.say("/compact")
    screen.until("Compacting")
    screen.say("gamma")
    screen.until("Steering: gamma")
    screen.until("Heard gamma.")

    assert world.provider.asked()[-1] == "gamma"
    assert "THE SUMMARY" in str(world.provider.requests[-1]["body"])


def test_a_session_is_exported_and_imported(terminals: Terminals, world: World) -> None:
    listen(world)
    screen = terminals.open()
    talk(screen, "alpha")

    screen.say("/export out.jsonl")
    screen.until("Exported to ~/project/out.jsonl")
    (path,) = files(world)
    assert (world.project / "out.jsonl").read_bytes() == path.read_bytes()
    text = path.read_text()
    first = json.loads(text.partition("\n")[0])
    elsewhere = world.agent.parent / "elsewhere.jsonl"
    moved = {**first, "id": "0123456789", "cwd": str(world.project)}
    elsewhere.write_text(json.dumps(moved) + "\n" + text.partition("\n")[2])
    talk(screen, "beta")
    screen.say(f"/import {elsewhere}")
    shown = screen.until("Imported:")

    assert "Heard alpha." in shown
    assert "Heard beta." not in shown
    talk(screen, "gamma")
    assert sorted(said(path) for path in files(world)) == [["alpha", "beta"], ["alpha", "gamma"]]
    assert said(elsewhere) == ["alpha"]


def test_two_terminals_on_one_session_lose_nothing(terminals: Terminals, world: World) -> None:
    listen(world)
    first = terminals.open()
    talk(first, "alpha")
    second = terminals.open("-c")
    second.until("Heard alpha.")

    talk(first, "beta")
    talk(second, "gamma")
    first.say("/quit")
    second.say("/quit")
    assert (first.ended(), second.ended()) == (0, 0)

    texts = [said(path) for path in files(world)]
    assert sorted({word for words in texts for word in words}) == ["alpha", "beta", "gamma"]
    for path in files(world):
        assert [json.loads(line) for line in path.read_text().splitlines()]
    assert terminals.open("-c").until("Heard gamma.")
