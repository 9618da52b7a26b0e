"""Looking at the session: its state, messages, entries, costs and commands."""

from typing import Any

from msgspec import UNSET, Raw, Struct

from pi.harness.commands import list_commands
from pi.harness.stats import stats_of
from pi.harness.storage.entries import encode_entry
from pi.llm.messages import AssistantMessage
from pi.modes.rpc.call import Call, Command, NoArguments, RpcError
from pi.modes.rpc.views import model_view, nested


class Since(Struct, frozen=True):
    """The last entry that the client knows."""

    since: str | None = None


async def get_state(call: Call, given: NoArguments) -> dict[str, Any]:
    session = call.session
    waiting = session.queue.waiting
    state = {
        "model": model_view(session.model),
        "thinkingLevel": session.thinking_level,
        "isStreaming": session.busy,
        "isCompacting": session.compacting,
        "steeringMode": session.state.steering.mode,
        "followUpMode": session.state.following.mode,
        "sessionFile": UNSET if session.store.path is None else str(session.store.path),
        "sessionId": session.store.id,
        "sessionName": session.store.name or UNSET,
        "autoCompactionEnabled": session.setup.settings.flag("compaction.enabled"),
        "messageCount": len(session.messages),
        "pendingMessageCount": len(waiting.steering) + len(waiting.follow_up),
    }
    return {name: value for name, value in state.items() if value is not UNSET}


async def get_messages(call: Call, given: NoArguments) -> dict[str, Any]:
    return {"messages": call.session.messages}


async def get_last_assistant_text(call: Call, given: NoArguments) -> dict[str, Any]:
    """The text of the last answer; an aborted one without content doesn't count."""
    for message in reversed(call.session.messages):
        if isinstance(message, AssistantMessage) and (message.content or message.stop_reason != "aborted"):
            text = message.text.strip()
            return {"text": text} if text else {}
    return {}


async def get_session_stats(call: Call, given: NoArguments) -> dict[str, Any]:
    session, stats = call.session, stats_of(call.session)
    usage = stats.usage
    shown = {
        "sessionFile": UNSET if session.store.path is None else str(session.store.path),
        "sessionId": session.store.id,
        "userMessages": stats.user_messages,
        "assistantMessages": stats.assistant_messages,
        "toolCalls": stats.tool_calls,
        "toolResults": stats.tool_results,
        "totalMessages": stats.messages,
        "tokens": {
            "input": usage.input,
            "output": usage.output,
            "cacheRead": usage.cache_read,
            "cacheWrite": usage.cache_write,
            "total": usage.input + usage.output + usage.cache_read + usage.cache_write,
        },
        "cost": stats.cost,
        "contextUsage": stats.context if stats.context.context_window else UNSET,
    }
    return {name: value for name, value in shown.items() if value is not UNSET}


async def get_commands(call: Call, given: NoArguments) -> dict[str, Any]:
    return {"commands": list_commands(call.session)}


async def get_entries(call: Call, given: Since) -> dict[str, Any]:
    """Entries of all branches in the order of the file, after `since`."""
    store = call.session.store
    entries = store.entries()
    if given.since is not None:
        at = next((at for at, entry in enumerate(entries) if entry.id == given.since), None)
        if at is None:
            raise RpcError(f"Entry not found: {given.since}", "not_found")
        entries = entries[at + 1 :]
    return {"entries": [Raw(encode_entry(entry)) for entry in entries], "leafId": store.leaf}


async def get_tree(call: Call, given: NoArguments) -> dict[str, Any]:
    return {"tree": nested(call.session.store.tree()), "leafId": call.session.store.leaf}


async def get_fork_messages(call: Call, given: NoArguments) -> dict[str, Any]:
    said = call.session.tree.user_messages()
    return {"messages": [{"entryId": id, "text": text} for id, text in said]}


COMMANDS = {
    "get_state": Command(NoArguments, get_state),
    "get_messages": Command(NoArguments, get_messages),
    "get_last_assistant_text": Command(NoArguments, get_last_assistant_text),
    "get_session_stats": Command(NoArguments, get_session_stats),
    "get_commands": Command(NoArguments, get_commands),
    "get_entries": Command(Since, get_entries),
    "get_tree": Command(NoArguments, get_tree),
    "get_fork_messages": Command(NoArguments, get_fork_messages),
}
