"""One prompt, one answer, for programs: `await pi.run("…")`, and `pi.run_sync("…")` without a loop."""

import asyncio
from collections.abc import Callable, Coroutine, Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypedDict, TypeVar, Unpack, overload

from pi.agent.tool import Tool
from pi.harness.session import Listener, Session
from pi.harness.storage.store import Store
from pi.llm.messages import AssistantMessage, Image, ThinkingLevel
from pi.llm.models import Model
from pi.platform.errors import PiError
from pi.sdk import ExtensionChoice, ModelChoice, PromptChoice, ToolChoice, create_agent_session

T = TypeVar("T")
ToolLike = str | Tool | Callable[..., Any]
_GLANCE_S = 0.5  # how often a waiting thread looks for Ctrl-C, where nothing else wakes it (Windows)


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
    images: Sequence[Image | Path]  # a file is made small enough for the model
    cwd: Path | None
    agent_dir: Path | None
    store: Store | None  # without one nothing is saved
    extensions: ExtensionChoice | None
    on_event: Listener | None  # is told everything, and waited for if it is async


@overload
async def run(prompt: str, *, output_type: None = None, **options: Unpack[RunOptions]) -> str: ...
@overload
async def run(prompt: str, *, output_type: type[T], **options: Unpack[RunOptions]) -> T: ...
async def run(prompt: str, *, output_type: Any = None, **options: Unpack[RunOptions]) -> Any:
    """The text of the answer, or a value of `output_type`: a Struct, a dataclass, a pydantic model, a dict …

    A function among the `tools` is one by its signature (the schema) and its docstring (the description). An
    answer that doesn't fit `output_type` is asked for again, twice. Raises RunError, what
    `create_agent_session` raises, PiError for a file that is no image, TypeError for a type that JSON can't
    say.
    """
    images = [_image(image) if isinstance(image, Path) else image for image in options.get("images", ())]
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
    """`run` for code without an event loop; inside of one it works in a thread, and blocks the caller.

    Ctrl-C ends the run and its tools, then raises KeyboardInterrupt.
    """
    work = run(prompt, output_type=output_type, **options)
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    return _run_beside(work)


def _run_beside(work: Coroutine[Any, Any, Any]) -> Any:
    """What it gives, from a loop in a thread of its own; whatever interrupts the wait cancels it first."""
    from concurrent.futures import Future, ThreadPoolExecutor
    from select import select
    from socket import socketpair

    begun: Future[Callable[[], object]] = Future()

    async def cancellable() -> Any:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        begun.set_result(lambda: loop.call_soon_threadsafe(task.cancel))
        return await work

    # While it waits it holds no lock of Python's: Ctrl-C may come at any moment, and would leave it held.
    ours, theirs = socketpair()
    ended: list[object] = []
    answer: Future[Any] | None = None

    def end(answer: Future[Any]) -> None:
        ended.append(answer)
        theirs.send(b"!")

    with ours, theirs, ThreadPoolExecutor(1, "pi.run_sync") as thread:  # its end waits for the tools' end
        try:
            with _ctrl_c_raises():
                answer = thread.submit(lambda: asyncio.run(cancellable()))
                answer.add_done_callback(end)
                while not ended:
                    select([ours], [], [], _GLANCE_S)
        except BaseException:  # KeyboardInterrupt, or what a signal handler raised
            if answer is not None and not ended:
                with suppress(RuntimeError):  # it has ended just now
                    begun.result()()
            raise
        return answer.result()


@contextmanager
def _ctrl_c_raises() -> Generator[None]:
    """Let Ctrl-C interrupt a blocked loop: asyncio's own handler would wait for it to go on."""
    import signal
    import threading

    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler) or threading.current_thread() is not threading.main_thread():
        yield  # it is ignored, or not ours to decide
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


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


def _image(path: Path) -> Image:
    from pi.tools.images import load_image

    try:
        loaded = load_image(path.read_bytes(), auto_resize=True)
    except OSError as error:
        raise PiError(f"Can't read the image {path}: {error.strerror}.") from error
    if loaded is None:
        raise PiError(f"{path} is no image that models take: use PNG, JPEG, GIF, WebP or BMP.")
    if loaded.image is None:
        raise PiError(f"{path} can't be sent: {loaded.note}")
    return loaded.image


def _chosen(tools: Sequence[ToolLike] | None) -> ToolChoice:
    if tools is None:
        return ToolChoice()
    names = [tool for tool in tools if isinstance(tool, str)]
    own = [tool if isinstance(tool, Tool) else _made(tool) for tool in tools if not isinstance(tool, str)]
    return ToolChoice(only=(*names, *(tool.name for tool in own)), extra=tuple(own))


def _made(function: Callable[..., Any]) -> Tool:
    from pi.harness.extensions.function_tool import tool_of

    return tool_of(function)
