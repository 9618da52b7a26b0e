"""One tool call on its way: validated, changed by handlers, judged by gates, run, its result changed."""

import asyncio
from pathlib import Path
from typing import Any

from msgspec import Struct

from pi.agent.hooks import Block, Hooks, ToolCallEvent, ToolResultEvent
from pi.agent.limits import call as call_foreign
from pi.agent.limits import told, words
from pi.agent.shapes import misfit
from pi.agent.tool import (
    UNKNOWN_EFFECTS,
    Effects,
    Tool,
    ToolContext,
    ToolError,
    ToolResult,
    text_result,
)
from pi.agent.validation import validate
from pi.llm.messages import AssistantMessage, ToolCall


class Allowed(Struct, frozen=True):
    """A call that may run, with the arguments that everybody agreed to."""

    tool: Tool
    event: ToolCallEvent


async def judged(
    hooks: Hooks,
    tool: Tool,
    call: ToolCall,
    cwd: Path,
    *,
    message: AssistantMessage | None = None,
    parent: str | None = None,
) -> Allowed | Block:
    """Whether a call may run, and how. Raises ToolError for arguments that don't fit the tool."""
    given = await _prepared(tool, call.arguments)
    arguments = validate(tool.name, tool.parameters, given)

    def event() -> ToolCallEvent:
        return ToolCallEvent(call.id, tool.name, arguments, _effects(tool, arguments, cwd), message, parent)

    if hooks.has("tool_call"):
        answer = await hooks.before_tool(event())
        if isinstance(answer, Block):
            return answer
        if answer is not arguments:
            arguments = validate(tool.name, tool.parameters, answer)
    final = event()
    return await hooks.judge(final) or Allowed(tool, final)


async def executed(hooks: Hooks, allowed: Allowed, context: ToolContext) -> ToolResultEvent:
    """Run a call; what goes wrong in the tool is its result."""
    event = allowed.event
    result, is_error = await _run(allowed.tool, event.arguments, context)
    done = ToolResultEvent(
        event.tool_call_id, event.tool_name, event.arguments, result, is_error, event.parent_tool_call_id
    )
    return await hooks.after_tool(done) if hooks.has("tool_result") else done


async def _run(tool: Tool, arguments: dict[str, Any], context: ToolContext) -> tuple[ToolResult, bool]:
    """What the tool gives, or what went wrong in it as its result."""
    try:
        result = await tool.run(arguments, context)
    except ToolError as error:
        return text_result(words(error), {}), True
    except (asyncio.CancelledError, KeyboardInterrupt):
        raise
    except BaseException as error:  # foreign code: a broken tool is an answer, not the end of the run
        if isinstance(error, SystemExit):
            return text_result(f"The tool tried to end Pi: sys.exit({error.code})", {}), True
        return text_result(told(error), {}), True
    if problem := misfit(result, ToolResult):
        return text_result(f"The tool gave a result that can't be used: {problem}", {}), True
    return result, False


async def _prepared(tool: Tool, arguments: dict[str, Any]) -> Any:
    if tool.prepare is None:
        return arguments
    try:
        return await call_foreign(None, tool.prepare, arguments)
    except ToolError:
        raise
    except Exception as error:  # foreign code
        raise ToolError(f"{tool.name} can't read these arguments: {told(error)}") from error


def _effects(tool: Tool, arguments: dict[str, Any], cwd: Path) -> Effects:
    try:
        effects = tool.effects_of(arguments, cwd)
    except KeyboardInterrupt:
        raise
    except BaseException:  # foreign code: a tool that can't say what it touches may touch anything
        return UNKNOWN_EFFECTS
    return UNKNOWN_EFFECTS if misfit(effects, Effects) else effects
