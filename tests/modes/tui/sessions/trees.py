"""Stores with branches, for tests."""

from pathlib import Path

from pi.harness.storage.store import Store
from pi.llm.messages import (
    AssistantMessage,
    StopReason,
    Text,
    ToolCall,
    ToolResultMessage,
    Usage,
    UserMessage,
)


def user(text: str) -> UserMessage:
    """Something the user said."""
    return UserMessage(content=text, timestamp=1)


def answer(text: str, *calls: ToolCall, stop: StopReason = "stop") -> AssistantMessage:
    """Something a model said."""
    content = ((Text(text),) if text else ()) + calls
    return AssistantMessage(
        content=content, api="faux", provider="faux", model="m", usage=Usage(), stop_reason=stop, timestamp=1
    )


def branched() -> tuple[Store, dict[str, str]]:
    """Two ways to fix a parser, one with two ends, the other active; and ids by what was said."""
    store = Store.in_memory(Path("/project"))
    ids: dict[str, str] = {}

    def say(name: str, message: UserMessage | AssistantMessage | ToolResultMessage) -> None:
        ids[name] = store.append_message(message).id

    store.append_model_change("faux", "m")
    say("look", user("Look at the parser"))
    say("call", answer("", ToolCall("1", "bash", {"command": "ls"}), stop="toolUse"))
    say(
        "result",
        ToolResultMessage(tool_call_id="1", tool_name="bash", content=(), is_error=False, timestamp=1),
    )
    say("looked", answer("I looked"))
    say("recursion", user("Use recursion"))
    say("recursed", answer("Recursed"))
    say("deeper", user("Deeper"))
    say("deep", answer("Deep"))
    store.move_to(ids["recursed"])
    say("shallower", user("Shallower"))
    say("shallow", answer("Shallow"))
    store.move_to(ids["looked"])
    say("stack", user("Use a stack"))
    say("stacked", answer("Stacked"))
    return store, ids
