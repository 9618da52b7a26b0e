"""One prompt, one answer, for programs: `await pi.run("…")`, and `pi.run_sync("…")` without a loop."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypedDict, TypeVar, Unpack, overload

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


class RunOptions(TypedDict, total=False):
    """What `run` takes besides the prompt; everything may be left out."""

    model: Model | str | None
    thinking: ThinkingLevel | None
    tools: Sequence[ToolLike] | None  # names, functions or Tools; None: the default set
    system: str | None
    images: Sequence[Image]
    cwd: Path | None
    agent_dir: Path | None
    store: Store | None  # without one nothing is saved
    extensions: ExtensionChoice | None
    on_event: Callable[[Any], Any] | None


@overload
async def run(prompt: str, *, output_type: None = None, **options: Unpack[RunOptions]) -> str: ...
@overload
async def run(prompt: str, *, output_type: type[T], **options: Unpack[RunOptions]) -> T: ...
async def run(prompt: str, *, output_type: Any = None, **options: Unpack[RunOptions]) -> Any:
    """The text of the answer, or a value of `output_type`: a Struct, a dataclass, a pydantic model, a dict …

    A function among the `tools` is one by its signature (the schema) and its docstring (the description). An
    answer that doesn't fit `output_type` is asked for again, twice. Raises RunError, NoModelError, and what
    `create_agent_session` raises.
    """
    session = await create_agent_session(
        cwd=options.get("cwd"),
        agent_dir=options.get("agent_dir"),
        store=options.get("store"),
        model=ModelChoice(options.get("model"), thinking=options.get("thinking")),
        tools=_chosen(options.get("tools")),
        prompt=PromptChoice(system=options.get("system")),
        extensions=options.get("extensions"),
    )
    if (on_event := options.get("on_event")) is not None:
        session.subscribe(on_event)
    images = options.get("images", ())
    try:
        if output_type is None:
            return await _text(session, prompt, images)
        return await _typed(session, prompt, images, output_type)
    finally:
        await session.close()


@overload
def run_sync(prompt: str, *, output_type: None = None, **options: Unpack[RunOptions]) -> str: ...
@overload
def run_sync(prompt: str, *, output_type: type[T], **options: Unpack[RunOptions]) -> T: ...
def run_sync(prompt: str, *, output_type: Any = None, **options: Unpack[RunOptions]) -> Any:
    """`run` for code without an event loop; inside of one it works in a thread, and blocks the caller."""

    def work() -> Any:
        return asyncio.run(run(prompt, output_type=output_type, **options))

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return work()
    with ThreadPoolExecutor(1, "pi.run_sync") as thread:
        return thread.submit(work).result()


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
