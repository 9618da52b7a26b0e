"""The screen in a real terminal: prompts, answers, tools, what waits, and what Escape stops."""

from typing import Any

from tests.e2e.conftest import Terminals, World
from tests.e2e.tmux import Tmux, editor

HANG = {"kind": "hang", "afterDeltas": 3}
WORKING = "to interrupt"


def bash(command: str) -> dict[str, Any]:
    return {"toolCalls": [{"name": "bash", "args": {"command": command}}]}


def roles(world: World) -> list[str]:
    (session,) = world.sessions()
    return [entry["message"]["role"] for entry in session if entry["type"] == "message"]


def idle(screen: Tmux) -> str:
    return screen.gone(WORKING)


def test_an_answer_grows_on_the_screen_and_stands_in_the_session(terminals: Terminals, world: World) -> None:
    world.provider.script(
        {"text": "One. Two. Three.", "chunk": 5, "fault": HANG}, {"text": "It is **done**."}
    )
    screen = terminals.open()

    screen.say("count")
    shown = screen.until("One. Two. Three")

    assert WORKING in shown
    assert editor(shown) == ""
    screen.press("Escape")
    idle(screen)
    screen.say("again")
    screen.until("It is done.")
    idle(screen)

    assert world.provider.asked() == ["count", "again"]
    assert world.last_message()["content"] == [{"type": "text", "text": "It is **done**."}]


def test_a_tool_shows_its_output_while_it_runs_and_its_result_after(
    terminals: Terminals, world: World
) -> None:
    world.provider.script(
        bash("echo first; until [ -e go ]; do sleep 0.02; done; echo second"), {"text": "Ready."}
    )
    screen = terminals.open()

    screen.say("run it")
    shown = screen.until("\n first")
    assert "second" not in shown.partition("go ]")[2].partition("echo second")[2]
    (world.project / "go").touch()
    shown = screen.until("Ready.")

    assert "\n first\n second\n" in shown
    assert roles(world) == ["system", "user", "assistant", "toolResult", "assistant"]
    assert world.provider.requests[-1]["body"]["messages"][-1]["content"] == "first\nsecond\n"


def test_escape_stops_the_answer_and_the_next_prompt_works(terminals: Terminals, world: World) -> None:
    world.provider.script({"text": "This goes on and on", "chunk": 4, "fault": HANG})
    screen = terminals.open()
    screen.say("talk")
    screen.until("This goes")
    assert world.provider.open_connections == 1

    screen.press("Escape")
    screen.until("Operation aborted")
    idle(screen)

    screen.until(lambda _: world.provider.open_connections == 0)
    assert world.last_message()["stopReason"] == "aborted"
    screen.say("go on")
    screen.until("Fine.")
    assert world.provider.asked() == ["talk", "go on"]


def test_escape_ends_a_tools_process(terminals: Terminals, world: World) -> None:
    world.provider.script(bash("echo $$ > pid; echo begun; sleep 600"))
    screen = terminals.open()
    screen.say("wait")
    screen.until("\n begun")

    screen.press("Escape")
    idle(screen)

    number = (world.project / "pid").read_text().strip()
    screen.until(lambda _: not (world.project / "/proc" / number).exists())
    assert world.last_message()["role"] in ("toolResult", "assistant")
    screen.say("next")
    screen.until("Fine.")


def test_what_is_said_meanwhile_steers_or_follows(terminals: Terminals, world: World) -> None:
    world.provider.script(
        bash("until [ -e go ]; do sleep 0.02; done"), {"text": "Turned."}, {"text": "Followed."}
    )
    screen = terminals.open()
    screen.say("work")
    screen.until("until [ -e go ]")

    screen.say("rather this")
    screen.until("Steering: rather this")
    screen.type("and then that")
    screen.press("M-Enter")
    screen.until("Follow-up: and then that")
    (world.project / "go").touch()
    shown = screen.until("Followed.")

    assert "Steering:" not in shown
    assert world.provider.asked() == ["work", "rather this", "and then that"]


def test_what_waits_can_be_taken_back(terminals: Terminals, world: World) -> None:
    world.provider.script({"text": "Working on it", "chunk": 4, "fault": HANG})
    screen = terminals.open()
    screen.say("work")
    screen.until("Working on")
    screen.say("first")
    screen.until("Steering: first")
    screen.say("second")
    screen.until("Steering: second")

    screen.type("third")
    screen.press("M-Up")
    shown = screen.until(lambda shown: editor(shown) == "first\n\nsecond\n\nthird")

    assert "Steering" not in shown


def test_what_waits_returns_when_the_run_is_stopped(terminals: Terminals, world: World) -> None:
    world.provider.script({"text": "Working on it", "chunk": 4, "fault": HANG})
    screen = terminals.open()
    screen.say("work")
    screen.until("Working on")
    screen.say("later this")
    screen.until("Steering: later this")

    screen.press("Escape")
    screen.until(lambda shown: editor(shown) == "later this" and "Operation aborted" in shown)
    screen.press("Enter")
    screen.until("Fine.")
    assert world.provider.asked() == ["work", "later this"]


def test_a_shell_command_is_told_to_the_model_unless_it_has_two_marks(
    terminals: Terminals, world: World
) -> None:
    screen = terminals.open()

    screen.say("!echo told-$((1 + 1))")
    screen.until("\n told-2")
    screen.say("!!echo kept-$((1 + 1))")
    screen.until("\n kept-2")
    screen.gone("to cancel")
    screen.say("what was it?")
    screen.until("Fine.")

    sent = str(world.provider.requests[-1]["body"]["messages"])
    assert ("told-2" in sent, "kept-2" in sent) == (True, False)
    (session,) = world.sessions()
    assert [
        entry["message"].get("excludeFromContext", False)
        for entry in session
        if entry["type"] == "message" and entry["message"]["role"] == "bashExecution"
    ] == [False, True]


def test_escape_stops_a_shell_command(terminals: Terminals, world: World) -> None:
    screen = terminals.open()
    screen.say("!echo begun; sleep 600")
    screen.until("\n begun")

    screen.press("Escape")
    screen.gone("to cancel")

    assert screen.until("Cancelled")


def test_prompts_of_the_command_line_are_asked_one_after_the_other(
    terminals: Terminals, world: World
) -> None:
    world.provider.script({"text": "One."}, {"text": "Two."})
    screen = terminals.open("first", "second")

    screen.until("Two.")

    assert world.provider.asked() == ["first", "second"]


def test_what_is_typed_while_pi_starts_is_not_lost(terminals: Terminals, world: World) -> None:
    screen = terminals.open(ready=None)
    screen.type("early bird")

    screen.until(lambda shown: editor(shown) == "early bird")
    screen.press("Enter")
    screen.until("Fine.")
    assert world.provider.asked() == ["early bird"]


def test_a_provider_that_fails_is_asked_again_until_escape(terminals: Terminals, world: World) -> None:
    world.settings(retry={"enabled": True, "maxRetries": 3, "baseDelayMs": 60_000})
    world.provider.script({"fault": "http500"})
    screen = terminals.open()
    screen.say("hello")

    screen.until("try 1 of 3")
    screen.press("Escape")
    screen.gone("try 1 of 3")

    screen.say("again")
    screen.until("Fine.")
    assert world.provider.asked() == ["hello", "again"]


def test_who_leaves_during_a_tool_leaves_no_process_behind(terminals: Terminals, world: World) -> None:
    world.provider.script(bash("echo $$ > pid; echo begun; sleep 600"))
    screen = terminals.open()
    screen.say("wait")
    screen.until("\n begun")
    number = (world.project / "pid").read_text().strip()

    screen.press("C-d")

    assert screen.ended() == 0
    assert not (world.project / "/proc" / number).exists()
    again = terminals.open("-c")
    again.say("go on")
    again.until("Fine.")
