"""The extension host: it loads extensions, lets them join a session, reloads and removes them."""

import asyncio
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, cast

from msgspec import structs

from pi.agent.hooks import Hooks
from pi.agent.limits import call, told
from pi.agent.tool import ToolContext
from pi.harness.extensions.answers import Note, Trust
from pi.harness.extensions.api import ExtensionAPI
from pi.harness.extensions.containing import add_handlers, watching, with_ctx
from pi.harness.extensions.ctx import Ctx, Home
from pi.harness.extensions.declarations import CliCommand, Flag, Subscription
from pi.harness.extensions.events import McpServersChange, SessionShutdown, SessionStart
from pi.harness.extensions.finding import Source, find_extensions
from pi.harness.extensions.joining import RENAMES, Joined, add_providers, merged
from pi.harness.extensions.load_requests import LoadRequests, refusal
from pi.harness.extensions.owned import Owned
from pi.harness.extensions.roster import Extension, Factory, Problem, Roster
from pi.harness.session import Session
from pi.harness.settings import Settings
from pi.harness.ui import UI, NobodyThere
from pi.llm.registry import ModelRegistry
from pi.platform.errors import PiError


class ExtensionHost:
    """All extensions of one session. What one of them does wrong is a problem, never the end of Pi."""

    def __init__(
        self,
        *,
        find: Callable[[list[str]], Sequence[Source]] = lambda warnings: (),
        inline: Sequence[Factory] = (),
        ui: UI | None = None,
        cache_dir: Path | None = None,
        requests: LoadRequests | None = None,
    ):
        self.ui: UI = ui or NobodyThere()
        self.problems: list[Problem] = []
        self.shutdown: Callable[[], None] = lambda: None
        self.roster = Roster(find, inline, cache_dir, self._api, self.problem)
        self._session: Session | None = None
        self._joined = Joined()
        self._requests = requests or LoadRequests()
        self._settling = False
        self._moving = False
        self._servers: dict[str, Any] | None = None
        self._unsaid: list[Problem] = []
        self._background = Owned(lambda name, error: self._report("", name, error))
        self.trust: dict[Path, bool] = {}  # projects that an extension has decided on
        self.themes: list[str] = []  # more of them, by path

    @property
    def host(self) -> "ExtensionHost":
        """This one: for sessions, which may have a stand-in."""
        return self

    async def load(self) -> None:
        """Find and load all of them; what fails is left out and becomes a problem."""
        await self.roster.load_all()

    async def ask_trust(self, cwd: Path) -> Trust | None:
        """What extensions say about a project, before any session; what they decide counts for this host."""
        from pi.harness.extensions.early import ask_trust

        declared = [(extension.name, extension.declared) for extension in self.roster.extensions]
        answer = await ask_trust(declared, cwd, self.ui, self.problem)
        if answer is not None:
            self.trust[cwd] = answer.trusted
        return answer

    def _api(self, name: str) -> ExtensionAPI:
        def ctx_for(context: ToolContext) -> Ctx:
            home = self._home(name)
            if home is None:
                raise PiError(f'Extension "{name}" is in no session.')
            return Ctx(home, context)

        return ExtensionAPI(name, injected={Ctx: ctx_for}, changed=lambda: self._changed(name))

    async def start(
        self,
        session: Session,
        reason: Literal["startup", "reload", "new", "resume", "fork"],
        previous: Path | None,
    ) -> None:
        """Join a session: handlers, tools and the rest, then `session_start` and `resources_discover`."""
        with self._move():
            self._session = session
            self._settling = True
            for extension in self.roster.extensions:
                self._join(extension)
            self._settling = False
            self._servers = None
            self._merge()
            if reason != "startup":  # at first the session's warnings have them
                for problem in self._unsaid:
                    session.hooks.report(problem.extension, "loading", problem.text)
            self._unsaid.clear()
            self.themes.clear()
            await session.hooks.tell("session_start", SessionStart(reason, previous))
            if self._servers:  # whoever speaks MCP need not know in which order extensions were loaded
                await session.hooks.tell("mcp_servers_change", McpServersChange(self._servers))
            again = "reload" if reason == "reload" else "startup"
            await self._discover(session, session.hooks, again)

    @contextmanager
    def _move(self) -> Generator[None]:
        """While a session begins or ends, nobody can have it begin or end again."""
        if self._moving:
            raise PiError("The session is beginning or ending: reload and switch in commands alone.")
        self._moving = True
        try:
            yield
        finally:
            self._moving = False

    async def stop(
        self, reason: Literal["quit", "reload", "new", "resume", "fork"], target: Path | None
    ) -> None:
        """Leave the session: `session_shutdown`, then no task, handler or tool of theirs is left."""
        session = self._session
        if reason == "quit":
            if session is not None:
                await self._part(session, reason, target)
            for extension in self.roster.extensions:
                extension.drop()
            self.roster.extensions.clear()
            self._joined = Joined()
            self._requests.close()
            return
        if session is None:
            return
        with self._move():
            await self._part(session, reason, target)
            if reason == "reload":
                self.problems.clear()
                await self.roster.load_again()
            else:
                await self.roster.declare_again()

    async def _part(self, session: Session, reason: Any, target: Path | None) -> None:
        await session.hooks.tell("session_shutdown", SessionShutdown(reason, target))
        for extension in self.roster.extensions:  # before any gate goes that judges what they do
            if extension.home is not None:
                await extension.home.end_children()
        await asyncio.gather(*(self._leave(extension) for extension in self.roster.extensions))
        await self._background.stop()
        self._session = None

    def environment(self) -> dict[str, str]:
        assert self._session
        return self._requests.environment(self._session.store.cwd, trusted=self._session.setup.trusted)

    async def between_turns(self) -> None:
        """Take up what was asked for during the run: `pi ext load` in a command of the model's."""
        for path in self._requests.take():
            await self._take_up(path)

    async def _take_up(self, path: Path) -> None:
        """Load what was asked for and tell the model what came of it: it may have to mend its file."""
        from pi.harness.extensions.described import told

        session = self._session
        assert session
        untrusted = None if session.setup.trusted else session.store.cwd
        known, told_before = list(self.roster.extensions), len(self.problems)
        if why := refusal(path, untrusted):
            self.problem(path.stem, why)
        else:
            await self.load_now(path)
        loaded = [each for each in self.roster.extensions if each not in known]
        text = told(path, loaded, self.problems[told_before:])
        await session.send(Note("extension_load", text), when="steer")

    async def load_now(self, path: Path) -> Extension | None:
        """Load one extension into the running session, or load it again; the others stay as they are."""
        session = self._session
        if session is None:
            raise PiError("There is no session to load the extension into.")
        warnings: list[str] = []
        found = find_extensions([], [str(path)], session.store.cwd, warnings)
        self.problems += [Problem(path.name, text) for text in warnings]
        loaded: Extension | None = None
        for source in found:
            old = self.roster.at(source.path)
            source = structs.replace(source, name=old.name if old else self.roster.free(source.name))
            loaded = await self.roster.load_one(source)
            if loaded is None:
                continue
            if old is not None:
                self.roster.put_in_place_of(old, loaded)
                await self._end(old)
            self._join(loaded)
            self._merge()
            await self._started(session, loaded)
        return loaded

    async def unload(self, name: str) -> None:
        """Take one extension out of the running session. Raises PiError for an unknown name."""
        extension = self.roster.get(name)
        self.roster.extensions.remove(extension)
        await self._end(extension)
        self._merge()

    async def _end(self, extension: Extension) -> None:
        await self._alone(extension).tell("session_shutdown", SessionShutdown("reload"))
        await self._leave(extension)
        extension.drop()

    async def _started(self, session: Session, extension: Extension) -> None:
        alone = self._alone(extension)
        await alone.tell("session_start", SessionStart("reload"))
        await self._discover(session, alone, "reload")

    async def _discover(self, session: Session, hooks: Hooks, reason: Literal["startup", "reload"]) -> None:
        if hooks.has("resources_discover"):
            from pi.harness.extensions.early import discover

            await discover(session, hooks, reason, self.themes)

    def _alone(self, extension: Extension) -> Hooks:
        """The handlers of one extension."""
        alone = Hooks(lambda failure: self._report(failure.owner, failure.event, failure.error))
        if extension.home is not None:
            add_handlers(alone, extension.declared.handlers, extension.home)
        return alone

    # what the session asks

    def ctx_of(self, name: str) -> Ctx:
        """The ctx of an extension, as it counts now. Raises PiError."""
        home = self._home(name)
        if home is None:
            raise PiError(f'Extension "{name}" is in no session.')
        return Ctx(home)

    @property
    def joined(self) -> Joined:
        """What all of them declare together, after clashes were settled."""
        return self._joined

    def has_command(self, name: str) -> bool:
        return name in self._joined.commands

    async def run_command(self, name: str, arguments: str) -> None:
        """Run a slash command to its end; what it does wrong is reported."""
        owner, command = self._joined.commands[name]
        try:
            await call(None, command.run, arguments, self.ctx_of(owner))
        except Exception as error:  # foreign code: a command that fails says so
            self._report(owner, f"/{name}", told(error))

    async def emit(self, topic: str, data: Any) -> None:
        """Tell everybody who listens to a topic."""
        for extension in list(self.roster.extensions):
            for each in list(extension.declared.topics):
                if each.name == topic and extension.home is not None:
                    alone = Hooks(lambda failure: self._report(failure.owner, failure.event, failure.error))
                    run = with_ctx(each.run, extension.home, topic)
                    alone.on(topic, run, owner=extension.name, limit_s=each.limit_s)
                    await alone.tell(topic, data)

    def _join(self, extension: Extension) -> None:
        session = self._session
        assert session
        home = extension.home = Home(
            extension.name,
            session,
            self.ui,
            lambda name, error: self._report(extension.name, name, error),
            self.emit,
        )
        home.shutdown = lambda: self.shutdown()
        self._bind(extension)

    def _bind(self, extension: Extension) -> None:
        """Handlers, gates, guards and settings of one extension, as it declares them now."""
        session, home = self._session, extension.home
        assert session and home
        for remove in extension.removals:
            remove()
        extension.removals.clear()
        owner = extension.name
        handlers = filter(self._heeds, extension.declared.handlers)
        extension.removals += add_handlers(session.hooks, handlers, home)
        for gate in filter(self._heeds, extension.declared.gates):
            run = with_ctx(gate.run, home, "gate")
            extension.removals.append(session.hooks.add_gate(run, owner=owner, limit_s=gate.limit_s))
        for guard in extension.declared.guards:
            watch = watching(guard.run, home, lambda error: self._report(owner, "stream_guard", error))
            session.state.guards.append(watch)
            extension.removals.append(lambda watch=watch: _discard(session.state.guards, watch))
        for setting in extension.declared.settings.values():
            keys = ("extensionSettings", owner, setting.name)
            setting.read = lambda keys=keys: session.setup.settings.get_at(keys)
            setting.write = lambda value, keys=keys: session.setup.settings.save(keys, value)
            setting.warn = lambda text: self._report(owner, "settings", text)

    async def _leave(self, extension: Extension) -> None:
        for remove in extension.removals:
            remove()
        extension.removals.clear()
        home, extension.home = extension.home, None
        if home is not None:
            home.alive = False
            await home.owned.stop()
            await home.end_children()

    def _changed(self, name: str) -> None:
        """Something was declared after loading: it counts at once."""
        if self._session is None or self._settling:
            return
        joined = [extension for extension in self.roster.extensions if extension.home is not None]
        names = [extension.name for extension in joined]
        if name in names:
            for extension in joined[names.index(name) :]:  # handlers stay in the order of their extensions
                self._bind(extension)
            self._merge()

    def _merge(self) -> None:
        session = self._session
        assert session
        known = {problem.text for problem in self.problems}
        self._joined, clashes = self._merged(session.setup.settings)
        for owner, text in clashes:
            if text not in known:
                self.problem(owner, text)
        self._heed_servers(session)
        self._share(session)

    def _heeds(self, subscription: Subscription) -> bool:
        """Whether a handler or gate counts in this session."""
        return True

    def _share(self, session: Session) -> None:
        """Let the session have the tools and the models."""
        session.tools.set_own({name: tool for name, (_, tool) in self._joined.tools.items()})
        add_providers(session.setup.registry, self._joined, self.ctx_of, self.problem)

    def _heed_servers(self, session: Session) -> None:
        """Tell of MCP servers that came or went since the session began."""
        servers = {name: config for name, (_, config) in self._joined.mcp_servers.items()}
        before, self._servers = self._servers, servers
        if before is not None and before != servers and session.hooks.has("mcp_servers_change"):
            work = session.hooks.tell("mcp_servers_change", McpServersChange(servers))
            self._background.task(work, "mcp_servers_change")

    def offer_models(self, registry: ModelRegistry, settings: Settings) -> None:
        """Let a registry know the providers and virtual models, before a session chooses its model."""
        self._joined, _ = self._merged(settings)
        add_providers(registry, self._joined, self.ctx_of, lambda owner, text: None)

    @property
    def flags(self) -> dict[str, Flag[Any]]:
        """The flags of the command line that extensions declare."""
        return {name: flag for name, (_, flag) in self._merged(Settings())[0].flags.items()}

    def set_flags(self, values: Mapping[str, bool | str]) -> None:
        """What the command line says; it counts for extensions that are loaded again, too."""
        self.roster.flag_values = dict(values)
        for name, flag in self.flags.items():
            flag.value = values.get(name)

    def cli_command(self, words: Sequence[str]) -> tuple[str, CliCommand] | None:
        """Whose command `pi WORD …` is, and what runs it; None when no extension has the first word."""
        return self._merged(Settings())[0].cli.get(words[0]) if words else None

    def _merged(self, settings: Settings) -> tuple[Joined, list[tuple[str, str]]]:
        declared = [(extension.name, extension.declared) for extension in self.roster.extensions]
        renames = settings.get(RENAMES)
        return merged(declared, cast(dict[str, Any], renames) if isinstance(renames, dict) else {})

    def _home(self, name: str) -> Home | None:
        return next((e.home for e in self.roster.extensions if e.name == name), None)

    def problem(self, owner: str, text: str) -> None:
        """Make known what is wrong with an extension."""
        problem = Problem(owner, text)
        self.problems.append(problem)
        if self._session is None:
            self._unsaid.append(problem)
        if self._session is not None:
            self._session.hooks.report(owner, "loading", text)

    def _report(self, owner: str, where: str, error: str) -> None:
        if self._session is not None:
            self._session.hooks.report(owner, where, error)


def _discard(guards: list[Any], guard: Any) -> None:
    if guard in guards:
        guards.remove(guard)
