"""The user's own shell commands: run beside the agent, shown as they print, kept for the next request."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import UNSET, Struct, structs

from pi.agent.abort import Abort, Aborted
from pi.agent.hooks import Block
from pi.harness.events import BashExecutionUpdate
from pi.harness.state import RunShell, SessionState
from pi.harness.storage.entries import BashExecutionMessage
from pi.platform.clock import now_ms
from pi.platform.errors import PiError


class ShellBlocked(PiError):
    """An extension doesn't let the user's command run, or failed when it was asked."""


class _Order(Struct, frozen=True):
    """What to run, after extensions had their say."""

    command: Any  # a text for the shell, or words
    cwd: Any
    env: Mapping[str, str]


class Shell:
    """`run` may be called several times at once, also while the agent runs."""

    def __init__(
        self,
        state: SessionState,
        env: Callable[[], Mapping[str, str]],
        save: Callable[[Any], None],
        busy: Callable[[], bool],
        announce: Callable[[Any], None],
    ):
        self._state = state
        self._env = env
        self._save = save
        self._busy = busy
        self._announce = announce
        self._running: list[Abort] = []
        self._later: list[BashExecutionMessage] = []

    @property
    def running(self) -> bool:
        """Whether a command runs."""
        return bool(self._running)

    async def run(
        self, command: str, *, exclude_from_context: bool = False, id: Any = UNSET
    ) -> BashExecutionMessage:
        """Run a command and keep it with its output; a running agent sees it only after its run.

        `id` comes back with each update. An aborted command is `cancelled`. Raises ShellBlocked, and PiError
        when it can't be started.
        """
        asked = await self._asked(command, exclude_from_context)
        if isinstance(asked, _Order):
            done = await self._run(command, asked, id)
        else:
            done = _message(command, asked.output, exit_code=asked.exit_code)
        done = structs.replace(done, exclude_from_context=exclude_from_context or None)
        self._later.append(done)
        self.settle()
        return done

    def settle(self) -> None:
        """Save what was run, unless the agent runs: a call and its result must stay next to each other."""
        if not self._busy():
            done, self._later = self._later, []
            for message in done:
                self._save(message)
                self._state.transcript.append(message)

    def abort(self) -> None:
        """Kill what runs, with all that it has started."""
        for abort in list(self._running):
            abort.fire()

    async def _asked(self, command: str, exclude_from_context: bool) -> Any:
        """What extensions make of a command: an order, or the result that they have already."""
        plain = _Order(self._with_prefix(command), self._state.store.cwd, {})
        if not self._state.hooks.has("user_bash"):
            return plain
        from pi.harness.extensions.answers import BashDone, RunAs
        from pi.harness.extensions.events import UserBash

        event = UserBash(command, exclude_from_context, self._state.store.cwd)
        match await self._state.hooks.guarded("user_bash", event, (Block, RunAs, BashDone)):
            case Block(reason):
                raise ShellBlocked(reason)
            case BashDone() as done:
                return done
            case RunAs(other, cwd, env):
                words = self._with_prefix(other) if isinstance(other, str) else other
                return _Order(words, cwd or plain.cwd, env or {})
            case _:
                return plain

    def _with_prefix(self, command: str) -> str:
        prefix = self._state.setup.settings.text("shellCommandPrefix")
        return f"{prefix}\n{command}" if prefix else command

    async def _run(self, command: str, order: _Order, id: Any) -> BashExecutionMessage:
        execute: RunShell | None = self._state.setup.shell
        if execute is None:
            raise PiError("This session was made without a shell. Make it with create_agent_session.")
        from pi.agent.output import OutputTail
        from pi.harness.shell_output import Cleaned

        output, cleaned = OutputTail(), Cleaned()

        def received(data: bytes, *, last: bool = False) -> None:
            if text := cleaned.add(data, last=last):
                output.add(text.encode("utf-8", "replace"))
                self._announce(BashExecutionUpdate(text, id))

        abort, code = Abort(), None
        self._running.append(abort)
        try:
            async with abort.scope():
                env = {**self._env(), **order.env}
                code = await execute(order.command, cwd=order.cwd, env=env, on_output=received)
        except Aborted:
            pass
        finally:
            self._running.remove(abort)
            received(b"", last=True)
            output.close()
        cut = output.truncation()
        return _message(
            command,
            cut.content,
            exit_code=code,
            cancelled=abort.fired,
            truncated=cut.truncated,
            full_output_path=str(output.path) if output.path else None,
        )


def _message(command: str, output: str, **fields: Any) -> BashExecutionMessage:
    given: dict[str, Any] = {"cancelled": False, "truncated": False, **fields}
    return BashExecutionMessage(command=command, output=output, timestamp=now_ms(), **given)
