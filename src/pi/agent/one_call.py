"""One tool call on its way: validated, changed by handlers, judged by gates, run, its result changed."""

from pathlib import Path

from msgspec import Struct

from pi.agent.hooks import Block, Hooks, ToolCallEvent, ToolResultEvent
from pi.agent.tool import Tool, ToolContext, ToolError, text_result
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
    given = tool.prepare(call.arguments) if tool.prepare else call.arguments
    arguments = validate(tool.name, tool.parameters, given)

    def event() -> ToolCallEvent:
        return ToolCallEvent(call.id, tool.name, arguments, tool.effects_of(arguments, cwd), message, parent)

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
    try:
        result, is_error = await allowed.tool.run(event.arguments, context), False
    except ToolError as error:
        result, is_error = error.result, True
    except SystemExit as error:
        result, is_error = text_result(f"The tool tried to end Pi: sys.exit({error.code})", {}), True
    except Exception as error:  # foreign code: a broken tool is an answer, not the end of the run
        result, is_error = text_result(f"{type(error).__name__}: {error}", {}), True
    done = ToolResultEvent(
        event.tool_call_id, event.tool_name, event.arguments, result, is_error, event.parent_tool_call_id
    )
    return await hooks.after_tool(done) if hooks.has("tool_result") else done
