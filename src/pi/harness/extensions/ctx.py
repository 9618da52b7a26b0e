"""`ctx`: what running code of an extension can do, as long as its session lasts."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pi.agent.tool import ToolContext
from pi.harness.extensions.owned import Owned, StaleContext
from pi.harness.session import Session, WhenBusy
from pi.harness.ui import UI
from pi.llm.messages import Image, ThinkingLevel
from pi.llm.models import Model
from pi.platform.errors import PiError

if TYPE_CHECKING:
    import asyncio

    from pi.harness.background import BackgroundProcesses, Process
    from pi.harness.extensions.answers import Note
    from pi.harness.extensions.children import Child, Limits
    from pi.harness.extensions.dialogs import Dialogs
    from pi.harness.extensions.http import Http
    from pi.harness.extensions.running import Ran
    from pi.harness.extensions.secrets import Secrets
    from pi.harness.extensions.views import ModelsView, SessionView, ToolsView
    from pi.harness.stats import Stats
    from pi.harness.tree import Moved


class Home:
    """What all `ctx` of one loaded extension share; `alive` ends with it or with its session."""

    def __init__(
        self,
        name: str,
        session: Session,
        ui: UI,
        report: Callable[[str, str], None],
        emit: Callable[[str, Any], Coroutine[Any, Any, None]],
    ):
        self.name = name
        self.session = session
        self.ui = ui
        self.report = report
        self.emit = emit
        self.owned = Owned(report)
        self.alive = True
        self.shutdown: Callable[[], None] = lambda: None
        self.children: set[Child] = set()

    async def end_children(self) -> None:
        """Close the child sessions that are open."""
        for child in tuple(self.children):
            await child.close()


class Ctx:
    """A handle on the session for one extension; what changes something checks that it isn't stale."""

    def __init__(self, home: Home, call: ToolContext | None = None):
        self._home = home
        self._call = call

    def _check(self) -> None:
        if not self._home.alive:
            raise StaleContext(
                f'This ctx of extension "{self._home.name}" is stale: the extension was reloaded or the '
                "session replaced. Keep no ctx; use the one that each handler gets."
            )

    @property
    def _session(self) -> Session:
        self._check()
        return self._home.session

    # where it runs

    @property
    def cwd(self) -> Path:
        """The session's folder."""
        return self._home.session.store.cwd

    @property
    def mode(self) -> Literal["tui", "rpc", "json", "print", "sdk"]:
        """How Pi runs."""
        return self._home.ui.mode

    @property
    def trusted(self) -> bool:
        """Whether the project's own settings and extensions may be used."""
        return self._home.session.setup.trusted

    @property
    def agent_dir(self) -> Path:
        """The folder of everything that Pi keeps for the user."""
        return self._home.session.setup.agent_dir

    @property
    def cache_dir(self) -> Path:
        """A folder of the extension's own for what can be made again."""
        folder = self.agent_dir / "cache" / self._home.name
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    @property
    def call_id(self) -> str:
        """The id of the tool call that is being run; empty elsewhere."""
        return self._call.call_id if self._call else ""

    @cached_property
    def ui(self) -> "Dialogs":
        """Asking and telling people."""
        from pi.harness.extensions.dialogs import Dialogs

        return Dialogs(self._home.ui, self._home.session.hooks, self._home.name, self._check)

    # the session

    @cached_property
    def session(self) -> "SessionView":
        """Its file, tree and messages."""
        from pi.harness.extensions.views import SessionView

        return SessionView(self._home.session, self._check)

    @cached_property
    def models(self) -> "ModelsView":
        """The models that there are, and the one in use."""
        from pi.harness.extensions.views import ModelsView

        return ModelsView(self._home.session, self._check)

    @cached_property
    def tools(self) -> "ToolsView":
        """The tools that there are, those that the model has, and running one."""
        from pi.harness.extensions.views import ToolsView

        return ToolsView(self._home.session, self._check, self._home.session.host.tool_context, self.call_id)

    @property
    def settings(self) -> dict[str, Any]:
        """A copy of the merged settings."""
        return self._session.setup.settings.copy()

    @property
    def system_prompt(self) -> str:
        """The system prompt as it is now."""
        return "\n\n".join(self._session.state.sections.values())

    @property
    def commands(self) -> list[dict[str, str]]:
        """All slash commands: name, description, source (extension, prompt or skill)."""
        from pi.harness.commands import list_commands

        return list_commands(self._session)

    @property
    def stats(self) -> "Stats":
        """Messages, tool calls, tokens, cost, and how full the context is."""
        from pi.harness.stats import stats_of

        return stats_of(self._session)

    @property
    def idle(self) -> bool:
        """Whether nothing runs."""
        return not self._home.session.busy

    @property
    def waiting(self) -> bool:
        """Whether messages wait for the running agent."""
        return bool(self._home.session.queue)

    async def wait_idle(self) -> None:
        """Return once nothing runs; for commands and background tasks: a handler would wait for itself."""
        await self._session.wait_idle()

    async def abort(self) -> None:
        """Stop the run; it doesn't wait for that."""
        await self._session.abort(wait=False)

    def shutdown(self) -> None:
        """End Pi as soon as nothing runs; where the program isn't Pi, nothing happens."""
        self._check()
        self._home.shutdown()

    async def say(
        self, text: str, *, images: Sequence[Image] = (), when: WhenBusy = "steer", expand: bool = False
    ) -> None:
        """Say something as the user, to the running agent, or a run begins as soon as you return.

        With `expand`, slash commands, skills and templates in it count.
        """
        session = self._session

        async def prompt() -> None:
            await session.prompt(text, images=images, when_busy=when, source="extension", expand=expand)

        if session.busy:
            await prompt()
        else:
            session.post(prompt)

    async def send(
        self, note: "Note", *, when: Literal["steer", "follow_up", "next"] = "steer", run: bool = False
    ) -> None:
        """Tell the model something as the extension; an idle session answers it only if `run`."""
        session = self._session
        if run and not session.busy:
            session.post(lambda: session.send(note, when=when, run=True))
        else:
            await session.send(note, when=when)

    async def compact(self, focus: str | None = None) -> None:
        """Sum up the history now."""
        await self._session.compact(focus)

    async def reload(self) -> "Ctx":
        """Read settings, prompts and extensions again; only in commands. Gives the ctx of from now on."""
        await self._session.reload()
        return self._renewed()

    async def new_session(self, *, parent: Path | None = None) -> "Ctx | None":
        """Go on in a new session; only in commands. Gives the new ctx, None when refused."""
        moved = await self._session.tree.new(parent=None if parent is None else str(parent))
        return self._renewed() if moved else None

    async def switch_session(self, path: Path) -> "Ctx | None":
        """Go on in the session of a file; only in commands. Gives the new ctx, None when refused."""
        return self._renewed() if await self._session.tree.switch(path) else None

    async def fork(self, entry_id: str, *, position: Literal["before", "at"] = "before") -> "Ctx | None":
        """Go on in a copy up to an entry; only in commands. Gives the new ctx, None when refused."""
        moved = await self._session.tree.fork(entry_id, position=position)
        return None if moved.cancelled else self._renewed()

    async def navigate(
        self,
        entry_id: str,
        *,
        summarize: bool = False,
        instructions: str | None = None,
        label: str | None = None,
    ) -> "Moved":
        """Go on from another entry of the tree; only in commands."""
        return await self._session.tree.navigate(
            entry_id, summarize=summarize, instructions=instructions, label=label
        )

    # other models and programs

    async def complete(
        self,
        prompt: str | Sequence[Any],
        *,
        model: Model | str | None = None,
        system: str = "",
        output: Any = None,
        max_tokens: int | None = None,
        on_text: Callable[[str], Any] | None = None,
    ) -> Any:
        """One answer of a model (default: the session's), outside of the conversation; its cost is counted.

        With `output` (a type) the answer is of that type; one that doesn't fit is asked for again. `on_text`
        hears its text as it comes.
        """
        from pi.harness.extensions.asking import complete

        owner = self._home.name
        return await complete(self._session, prompt, model, system, output, max_tokens, on_text, owner)

    async def child(
        self,
        *,
        model: Model | str | None = None,
        thinking: ThinkingLevel | None = None,
        tools: Sequence[str] | None = None,
        system: str | None = None,
        extensions: Sequence[str] | None = None,
        limits: "Limits | None" = None,
        name: str = "",
        cwd: Path | str | None = None,
        save: bool = False,
        fork: bool = False,
    ) -> "Child":
        """A session of its own for a part of the work: `async with await ctx.child() as child`.

        It may do no more than this one: `tools` are some of the active ones (by default the built-in ones and
        those of its extensions), and what judges calls here judges its calls too. Of the `extensions` those
        with gates, with providers and with its tools join by default. `cwd` is a folder inside this one's, or
        an absolute path; `fork` begins with this conversation, `save` keeps it in a file. Raises PiError.
        """
        from pi.harness.extensions.children import Wish, open_child

        wish = Wish(model, thinking, tools, system, extensions, limits, name, cwd, save, fork)
        return await open_child(self._session, self._home, self.call_id, wish)

    async def exec(
        self,
        argv: Sequence[str],
        *,
        timeout: float | None = None,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: str | None = None,
        stderr: Literal["merge", "drop"] = "merge",
    ) -> "Ran":
        """Run a program without a shell and wait for it; `timeout` in s kills its whole tree."""
        from pi.harness.extensions.running import run_program

        self._check()
        return await run_program(argv, cwd or self.cwd, timeout, env, stdin, stderr)

    async def spawn(
        self,
        argv: Sequence[str],
        *,
        log: Path | None = None,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        name: str = "",
    ) -> "Process":
        """Start a program that outlives Pi; its output goes to a log file."""
        session = self._session
        return await self.processes.spawn(
            argv,
            cwd=cwd or self.cwd,
            env=env,
            log=log,
            owner=self._home.name,
            session_id=session.store.id,
            name=name,
        )

    @property
    def processes(self) -> "BackgroundProcesses":
        """The programs that were spawned, also by earlier runs of Pi."""
        from pi.harness.background import BackgroundProcesses

        return BackgroundProcesses(self.agent_dir / "processes")

    @cached_property
    def http(self) -> "Http":
        """Requests over Pi's own connections: proxies, timeouts and certificates as in the settings."""
        from pi.harness.extensions.http import Http

        return Http(self._home.session.setup.settings)

    @cached_property
    def secrets(self) -> "Secrets":
        """The extension's keys: environment, then a file that only the user can read."""
        from pi.harness.extensions.secrets import Secrets

        return Secrets(self.agent_dir, self._home.name)

    def post(
        self, to: str | Path, text: str, *, when: Literal["now", "follow_up", "next_open"] = "now"
    ) -> None:
        """Leave a message in the inbox of a session (its id) or a project (its folder); delivered once."""
        from pi.harness.inbox import Message, send, send_to_project

        self._check()
        message = Message(text=text, sender=self._home.name, deliver=when)
        if isinstance(to, Path):
            send_to_project(self.agent_dir / "inbox", to, message)
        else:
            send(self.agent_dir / "inbox", to, message)

    # in the background

    def task(self, work: Coroutine[Any, Any, Any], name: str = "task") -> "asyncio.Task[Any]":
        """Run it in the background; it ends with the extension, and its errors are reported."""
        try:
            self._check()
        except PiError:
            work.close()  # or Python would warn that nobody awaited it
            raise
        return self._home.owned.task(work, name)

    def after(self, seconds: float, run: Callable[[], Any], name: str = "timer") -> "asyncio.Task[Any]":
        """Call something once, later."""
        self._check()
        return self._home.owned.after(seconds, run, name)

    def every(self, seconds: float, run: Callable[[], Any], name: str = "timer") -> "asyncio.Task[Any]":
        """Call something again and again."""
        self._check()
        return self._home.owned.every(seconds, run, name)

    async def emit(self, topic: str, data: Any = None) -> None:
        """Tell other extensions: those that `pi.listen(topic)` hear it."""
        self._check()
        await self._home.emit(topic, data)

    def _renewed(self) -> "Ctx":
        extensions = self._home.session.extensions
        return extensions.ctx_of(self._home.name) if extensions is not None else self
