"""Child sessions: a part of the work in a session of its own, within the rights and limits of its parent."""

import asyncio
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from msgspec import Struct, structs

from pi.agent.events import MessageEnd, TurnEnd, TurnStart
from pi.agent.guard import Stop as EndRun
from pi.agent.limits import alarm
from pi.harness.events import CompactionEnd, CompactionResult, ExtensionFailed
from pi.harness.extensions.asking import model_for
from pi.harness.extensions.child_host import ChildHost, ChildUI, judged_by
from pi.harness.extensions.child_limits import Budget, Limits
from pi.harness.extensions.child_parts import begin, check_depth, check_tools, folder_of, shared, store_of
from pi.harness.extensions.dialogs import on_behalf
from pi.harness.extensions.typed_output import TRIES, Unfit, instruction, value_of
from pi.harness.session import Listener, Session
from pi.harness.storage.file import SessionWriteError
from pi.llm.events import StreamEvent
from pi.llm.messages import (
    AssistantMessage,
    Image,
    Text,
    ThinkingLevel,
    ToolResultMessage,
    Usage,
    UserMessage,
)
from pi.llm.models import Model, clamp_level
from pi.llm.stream import ModelStream
from pi.platform.clock import now_ms
from pi.platform.errors import PiError

if TYPE_CHECKING:
    from pi.harness.extensions.ctx import Home

Stop = Literal["done", "turns", "tokens", "cost", "seconds", "aborted", "length", "error", "unfit"]


class ChildResult(Struct, frozen=True):
    """What one run came to: `text` is the last that the child said, `output` the value that was asked for.

    `stop` says why it ended: done, a limit that it reached, aborted, its answer cut by the provider's length,
    an error of the model's provider, or no answer that was fit; `error` has the words for the last two. Usage
    (tokens), cost (USD) and turns are those of this run, with those of the child's own children.
    """

    text: str
    output: Any
    usage: Usage
    cost: float
    stop: Stop
    turns: int
    session_file: Path | None
    error: str = ""


class Child:
    """A child session that is open; several runs in it go on in one conversation.

    It is an async context manager and closes at its end, or with its parent or the extension that opened it.
    """

    def __init__(
        self, session: Session, name: str, budget: Budget, ui: ChildUI, home: "Home", parent: Session
    ):
        self.session = session
        self.name = name
        self._budget = budget
        self._ui = ui
        self._home = home
        self._parent = parent
        self._running = False
        self._closed = False
        self._stop: Stop | None = None
        self._last: AssistantMessage | None = None
        self._text = ""
        self._halting: asyncio.Future[None] | None = None
        session.subscribe(self._hear)
        session.hooks.on("turn_end", self._at_boundary)
        session.state.guards.append(self._watch)
        home.children.add(self)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def usage(self) -> Usage:
        """Tokens and cost of all its runs so far, with those of its own children."""
        return self._budget.usage

    async def start(self) -> None:
        """Let its extensions begin."""
        with self._speaking():
            await self.session.start()

    async def run(self, prompt: str, output: Any = None, *, images: Sequence[Image] = ()) -> ChildResult:
        """Say something and wait until the child has done it; with `output` the answer is of that type.

        Limits, failed responses and answers that don't fit are no exceptions: see `ChildResult.stop`. Raises
        PiError when it is closed or running, or has no key, TypeError for a type that JSON can't say.
        """
        if self._closed:
            raise PiError("This child session is closed. Open another one.")
        if self._running:
            raise PiError("This child session is running. Wait for its result, or steer it.")
        asked = prompt if output is None else f"{prompt}\n\n{instruction(output)}"
        self._budget.begin_run()
        self._running, self._stop, self._last, self._text, self._halting = True, None, None, "", None
        try:
            with self._speaking(), self._timed():
                value, error = await self._answer(asked, output, images)
        finally:
            self._running = False
        usage = self._budget.of_run
        stop: Stop = self._outcome()
        if stop == "done":
            stop = "unfit" if error else stop
        else:
            error = (stop == "error" and self._last and self._last.error_message) or ""
        turns, file = self._budget.turns_of_run, self.session.store.path
        return ChildResult(self._text, value, usage, usage.cost.total, stop, turns, file, error)

    async def steer(self, text: str) -> None:
        """Say something to the running child; an idle one hears it with its next prompt."""
        if self.session.busy:
            await self.session.prompt(text, when_busy="steer", source="extension", expand=False)
        else:
            await self.session.send(UserMessage((Text(text),), now_ms()), when="next")

    async def abort(self) -> None:
        """Stop its run; what it has so far is the result."""
        if self._running:
            await self._halt("aborted")

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Hear every event of the child; the result unsubscribes."""
        return self.session.subscribe(listener)

    async def close(self) -> None:
        """End it, also while it runs; a second time does nothing."""
        if self._closed:
            return
        self._closed = True
        if self._running or self.session.busy:
            self._stop = self._stop or "aborted"
            await self.session.abort()
        try:
            with self._speaking():
                await self.session.close()
        except SessionWriteError as error:
            self._parent.warnings.append(str(error))
        finally:
            self._ui.clear()
            self._home.children.discard(self)

    async def _answer(self, asked: str, output: Any, images: Sequence[Image]) -> tuple[Any, str]:
        """Run, and ask again for what doesn't fit: the value, or what is wrong with the last one."""
        problem = ""
        for _ in range(TRIES):
            await self.session.wait_idle()  # its extensions may have made it speak already
            if self._stop is None:
                self._stop = self._budget.over()
            if self._stop is not None:
                break
            await self.session.prompt(asked, images=images, source="extension", expand=False)
            await self.session.wait_idle()  # … or go on
            if output is None or self._outcome() != "done":
                break
            try:
                return value_of(self._last.text if self._last else "", output), ""
            except Unfit as unfit:
                asked, problem, images = str(unfit), str(unfit), ()
        return None, problem

    def _outcome(self) -> Stop:
        if self._stop is not None:
            return self._stop
        match self._last.stop_reason if self._last else "stop":
            case "error" | "aborted" | "length" as reason:
                return reason
            case _:
                return "done"

    def _hear(self, event: Any) -> Awaitable[None] | None:
        match event:
            case TurnStart() if self._stop is not None:  # it was to stop before it had begun
                return self._halt(self._stop)
            case MessageEnd(AssistantMessage() as message):
                self._last = message
                self._text = message.text or self._text
                self._budget.spent(message.provider, message.model, message.usage)
                return self._checked() if message.tool_calls else None
            case (
                MessageEnd(ToolResultMessage(usage=Usage() as usage))
                | CompactionEnd(result=CompactionResult(usage=Usage() as usage))
            ):
                self._budget.spent(self.session.model.provider, self.session.model.id, usage)
            case TurnEnd(message):
                if self._stop is None or message.content:  # stopped before it was asked, it is no turn
                    self._budget.add_turn()
                goes_on = message.stop_reason == "error" or self.session.queue
                return self._checked() if goes_on else None
            case ExtensionFailed(extension, name, error):
                self._parent.hooks.report(extension, f"{name} of {self.name}", error)
            case _:
                pass
        return None

    def _at_boundary(self, event: Any) -> EndRun | None:
        """The `turn_end` hook: here a run can end without a trace of it in the conversation."""
        if event.message.tool_calls and self._stop is None:
            self._stop = self._budget.over()
        return EndRun(self._stop) if self._stop is not None else None

    def _watch(self, event: StreamEvent, stream: ModelStream) -> None:
        """The stream guard: a limit may be reached in the middle of a response."""
        if self._halting is None and (reached := self._budget.over(stream.usage)):
            self._ring(reached)

    def _checked(self) -> Awaitable[None] | None:
        reached = self._budget.over()
        return self._halt(reached) if reached else None

    def _ring(self, reached: Stop) -> None:
        self._halting = asyncio.ensure_future(self._halt(reached))

    async def _halt(self, why: Stop) -> None:
        self._stop = self._stop or why
        await self.session.abort(wait=False)

    @contextmanager
    def _speaking(self) -> Generator[None]:
        """Whatever is asked in here is asked for this child."""
        around = on_behalf.get()
        token = on_behalf.set(f"{around}/{self.name}" if around else self.name)
        try:
            yield
        finally:
            on_behalf.reset(token)

    @contextmanager
    def _timed(self) -> Generator[None]:
        seconds = self._budget.seconds_left
        if seconds is None:
            yield
            return
        with alarm(max(seconds, 0), lambda: self._ring("seconds")) as left:
            try:
                yield
            finally:
                self._budget.seconds_left = left()


class Wish(Struct, frozen=True):
    """What a child session is to be: the parameters of `ctx.child`."""

    model: Model | str | None
    thinking: ThinkingLevel | None
    tools: Sequence[str] | None
    system: str | None
    extensions: Sequence[str] | None
    limits: Limits | None
    name: str
    cwd: Path | str | None
    save: bool
    fork: bool


async def open_child(parent: Session, home: "Home", call_id: str, wish: Wish) -> Child:
    """A child of a session, started; `call_id` is the tool call that wants it. Raises PiError."""
    setup, host, name = parent.setup, parent.extensions, wish.name or "child"
    budget = Budget(parent, wish.limits or Limits(), wish.name)
    check_depth(budget)
    if setup.prompt_of is None:
        raise PiError("This session was made by hand and can't have children: use create_agent_session.")
    chosen = model_for(parent, wish.model)
    model, level = chosen.model, clamp_level(chosen.model, wish.thinking or chosen.thinking or "off")
    folder = folder_of(parent.store.cwd, wish.cwd)
    joining, tools = shared(parent, host, wish.tools, wish.extensions)
    ui = ChildUI(host.ui, name)
    own = ChildHost(host, joining, tools, ui)
    await own.declare()
    store = store_of(parent.store, folder, save=wish.save, fork=wish.fork)
    begin(store, model, level, wish.name, chosen.role)
    its_setup = structs.replace(
        setup,
        toolbox=setup.toolbox.limited(tools),
        sections=setup.prompt_of(folder, wish.system),
        guard=None,  # it may keep count of one stream, and children run side by side
        long_lived=False,
        extensions=own,
        remake=None,
        kin=budget,
    )
    session = Session(store, model, level, its_setup)
    session.state.role = chosen.role
    judged_by(parent, session.hooks, folder, call_id)
    child = Child(session, name, budget, ui, home, parent)
    try:
        session.models.check_key()
        await child.start()
        check_tools(session, own, tools)
    except BaseException:  # a cancellation too: nothing of it may stay
        await child.close()
        raise
    return child
