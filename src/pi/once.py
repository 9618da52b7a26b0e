"""One prompt, one answer, for programs: `await pi.run("…")`, and `pi.run_sync("…")` without a loop."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar, overload

from pi.agent.tool import Tool
from pi.harness.session import Session
from pi.harness.store import Store
from pi.llm.messages import AssistantMessage, Image, ThinkingLevel
from pi.llm.models import Model
from pi.platform.errors import PiError
from pi.sdk import ExtensionChoice, ModelChoice, PromptChoice, ToolChoice, create_agent_session

T = TypeVar("T")
ToolLike = str | Tool | Callable[..., Any]


class RunError(PiError):
    """The model gave no usable answer; `message` is what it said, as far as it came."""

    def __init__(self, text: str, message: AssistantMessage | None):
        super().__init__(text)
        self.message = message


@overload
async def run(prompt: str, *, output_type: type[T], **options: Any) -> T: ...
@overload
async def run(prompt: str, **options: Any) -> str: ...
async def run(
    prompt: str,
    *,
    output_type: Any = None,
    model: Model | str | None = None,
    thinking: ThinkingLevel | None = None,
    tools: Sequence[ToolLike] | None = None,
    system: str | None = None,
    images: Sequence[Image] = (),
    cwd: Path | None = None,
    agent_dir: Path | None = None,
    store: Store | None = None,
    extensions: ExtensionChoice | None = None,
    on_event: Callable[[Any], Any] | None = None,
) -> Any:
    """The text of the answer, or a value of `output_type`: a Struct, a dataclass, a pydantic model, a dict …

    `tools` are names of built-in ones, functions (their signature is the schema, their docstring the
    description) or Tools; None means the default set. An answer that doesn't fit `output_type` is asked for
    again, twice. Without a `store` nothing is saved. Raises RunError, NoModelError, and what
    `create_agent_session` raises.
    """
    session = await create_agent_session(
        cwd=cwd,
        agent_dir=agent_dir,
        store=store,
        model=ModelChoice(model, thinking=thinking),
        tools=_chosen(tools),
        prompt=PromptChoice(system=system),
        extensions=extensions,
    )
    if on_event is not None:
        session.subscribe(on_event)
    try:
        if output_type is None:
            return await _text(session, prompt, images)
        return await _typed(session, prompt, images, output_type)
    finally:
        await session.close()


@overload
def run_sync(prompt: str, *, output_type: type[T], **options: Any) -> T: ...
@overload
def run_sync(prompt: str, **options: Any) -> str: ...
def run_sync(prompt: str, **options: Any) -> Any:
    """`run` for code without an event loop; inside of one it works in a thread, and blocks the caller."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(run(prompt, **options))
    outcome: list[Any] = []
    failures: list[BaseException] = []

    def work() -> None:
        try:
            outcome.append(asyncio.run(run(prompt, **options)))
        except BaseException as error:  # whatever it is, it belongs to the caller's thread
            failures.append(error)

    thread = threading.Thread(target=work, name="pi.run_sync")
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
    return outcome[0]


async def _text(session: Session, prompt: str, images: Sequence[Image] = ()) -> str:
    await session.prompt(prompt, images=images)
    await session.wait_idle()
    message = session.last_message
    if message is None:
        raise RunError("No model was asked: an extension has dealt with the prompt.", None)
    if message.stop_reason in ("error", "aborted"):
        raise RunError(message.error_message or f"Request {message.stop_reason}", message)
    return message.text


async def _typed(session: Session, prompt: str, images: Sequence[Image], output_type: Any) -> Any:
    from pi.harness.extensions.typed_output import TRIES, Unfit, instruction, value_of

    asked = f"{prompt}\n\n{instruction(output_type)}"
    problem = ""
    for _ in range(TRIES):
        text = await _text(session, asked, images)
        try:
            return value_of(text, output_type)
        except Unfit as error:
            problem, asked, images = str(error), str(error), ()
    raise RunError(
        f"The model gave no answer of the wanted type in {TRIES} tries. {problem}", session.last_message
    )


def _chosen(tools: Sequence[ToolLike] | None) -> ToolChoice:
    if tools is None:
        return ToolChoice()
    names = [tool for tool in tools if isinstance(tool, str)]
    own = [tool if isinstance(tool, Tool) else _made(tool) for tool in tools if not isinstance(tool, str)]
    return ToolChoice(only=(*names, *(tool.name for tool in own)), extra=tuple(own))


def _made(function: Callable[..., Any]) -> Tool:
    from pi.harness.extensions.function_tool import tool_of

    return tool_of(function)
