"""The extension host: it loads extensions, lets them join a session, reloads and removes them."""

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from msgspec import structs

from pi.agent.hooks import Hooks
from pi.agent.limits import within
from pi.agent.tool import ToolContext
from pi.harness.extensions.api import ExtensionAPI
from pi.harness.extensions.containing import exit_code, watching, with_ctx
from pi.harness.extensions.ctx import Ctx, Home
from pi.harness.extensions.declarations import Flag
from pi.harness.extensions.finding import Source
from pi.harness.extensions.joining import RENAMES, Joined, add_providers, merged
from pi.harness.extensions.load_requests import VARIABLE, LoadRequests
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
    ):
        self.ui: UI = ui or NobodyThere()
        self.problems: list[Problem] = []
        self.shutdown: Callable[[], None] = lambda: None
        self.roster = Roster(find, inline, cache_dir, self._api, self._problem)
        self._session: Session | None = None
        self._joined = Joined()
        self._requests = LoadRequests()
        self._settling = False

    async def load(self) -> None:
        """Find and load all of them; what fails is left out and becomes a problem."""
        await self.roster.load_all()

    def _api(self, name: str) -> ExtensionAPI:
        def ctx_for(context: ToolContext) -> Ctx:
            home = self._home(name)
            if home is None:
                raise PiError(f'Extension "{name}" is in no session.')
            return Ctx(home, context)

        return ExtensionAPI(name, injected={Ctx: ctx_for}, changed=lambda: self._changed(name))

    # life in a session

    async def start(
        self,
        session: Session,
        reason: Literal["startup", "reload", "new", "resume", "fork"],
        previous: Path | None,
    ) -> None:
        """Join a session: handlers, tools and the rest, then `session_start` and `resources_discover`."""
        self._session = session
        self._settling = True
        for extension in self.roster.extensions:
            self._join(extension)
        self._settling = False
        self._merge()
        await self._begin(session, reason, previous)

    async def _begin(self, session: Session, reason: Any, previous: Path | None) -> None:
        from pi.harness.extensions.events import SessionStart

        if session.hooks.has("session_start"):
            await session.hooks.tell("session_start", SessionStart(reason, previous))

    async def stop(
        self, reason: Literal["quit", "reload", "new", "resume", "fork"], target: Path | None
    ) -> None:
        """Leave the session: `session_shutdown`, then no task, handler or tool of theirs is left."""
        session = self._session
        if session is None:
            return
        if session.hooks.has("session_shutdown"):
            from pi.harness.extensions.events import SessionShutdown

            await session.hooks.tell("session_shutdown", SessionShutdown(reason, target))
        for extension in list(self.roster.extensions):
            await self._leave(extension)
        self._session = None
        if reason == "quit":
            for extension in self.roster.extensions:
                extension.drop()
            self.roster.extensions.clear()
            self._requests.close()
        elif reason == "reload":
            self.problems.clear()
            await self.roster.load_again()
        else:
            await self.roster.declare_again()

    def environment(self) -> dict[str, str]:
        return {VARIABLE: str(self._requests.path())}

    async def between_turns(self) -> None:
        """Take up what was asked for during the run: `pi ext load` in a command of the model's."""
        for path in self._requests.take():
            await self.load_now(path)

    async def load_now(self, path: Path) -> Extension | None:
        """Load one extension into the running session, or load it again; the others stay as they are."""
        from pi.harness.extensions.finding import find_extensions

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
                self.roster.extensions.remove(old)
                await self._end(old)
            self._join(loaded)
            self._merge()
            await self._started(loaded)
        return loaded

    async def unload(self, name: str) -> None:
        """Take one extension out of the running session. Raises PiError for an unknown name."""
        extension = self.roster.get(name)
        self.roster.extensions.remove(extension)
        await self._end(extension)
        self._merge()

    async def _end(self, extension: Extension) -> None:
        from pi.harness.extensions.events import SessionShutdown

        await self._tell_one(extension, "session_shutdown", SessionShutdown("reload"))
        await self._leave(extension)
        extension.drop()

    async def _started(self, extension: Extension) -> None:
        from pi.harness.extensions.events import SessionStart

        await self._tell_one(extension, "session_start", SessionStart("reload"))

    async def _tell_one(self, extension: Extension, name: str, event: Any) -> None:
        """Tell one extension alone."""
        assert self._session
        alone = Hooks(lambda failure: self._report(failure.owner, failure.event, failure.error))
        home = extension.home
        for each in extension.declared.handlers:
            if each.name == name and home is not None:
                alone.on(name, with_ctx(each.run, Ctx(home)), owner=extension.name, limit_s=each.limit_s)
        await alone.tell(name, event)

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
        ctx = self.ctx_of(owner)
        try:
            result = command.run(arguments, ctx)
            if inspect.isawaitable(result):
                await within(None, result)
        except SystemExit as error:
            self._report(owner, f"/{name}", f"it called sys.exit({error.code})")
        except PiError as error:  # a sentence for people as it is
            self._report(owner, f"/{name}", str(error))
        except Exception as error:  # foreign code: a command that fails says so
            self._report(owner, f"/{name}", f"{type(error).__name__}: {error}")

    async def emit(self, topic: str, data: Any) -> None:
        """Tell everybody who listens to a topic."""
        for extension in list(self.roster.extensions):
            for each in list(extension.declared.topics):
                if each.name == topic and extension.home is not None:
                    alone = Hooks(lambda failure: self._report(failure.owner, failure.event, failure.error))
                    alone.on(topic, with_ctx(each.run, Ctx(extension.home)), owner=extension.name)
                    await alone.tell(topic, data)

    # joining and leaving

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
        home.shutdown = self.shutdown
        self._bind(extension)

    def _bind(self, extension: Extension) -> None:
        """Handlers, gates, guards and settings of one extension, as it declares them now."""
        session, home = self._session, extension.home
        assert session and home
        for remove in extension.removals:
            remove()
        extension.removals.clear()
        ctx, owner = Ctx(home), extension.name
        for each in extension.declared.handlers:
            run = with_ctx(each.run, ctx)
            extension.removals.append(session.hooks.on(each.name, run, owner=owner, limit_s=each.limit_s))
        for gate in extension.declared.gates:
            run = with_ctx(gate.run, ctx)
            extension.removals.append(session.hooks.add_gate(run, owner=owner, limit_s=gate.limit_s))
        for guard in extension.declared.guards:
            watch = watching(guard.run, lambda error: self._report(owner, "stream_guard", error))
            session.state.guards.append(watch)
            extension.removals.append(lambda watch=watch: _discard(session.state.guards, watch))
        for setting in extension.declared.settings.values():
            setting.read = lambda key=setting.name: session.setup.settings.get_at(
                ("extensionSettings", owner, key)
            )
            setting.warn = lambda text: self._report(owner, "settings", text)

    async def _leave(self, extension: Extension) -> None:
        for remove in extension.removals:
            remove()
        extension.removals.clear()
        home, extension.home = extension.home, None
        if home is not None:
            home.alive = False
            await home.owned.stop()

    def _changed(self, name: str) -> None:
        """Something was declared after loading: it counts at once."""
        if self._session is None or self._settling:
            return
        extension = next((e for e in self.roster.extensions if e.name == name and e.home is not None), None)
        if extension is not None:
            self._bind(extension)
            self._merge()

    def _merge(self) -> None:
        session = self._session
        assert session
        known = {problem.text for problem in self.problems}
        self._joined, clashes = self._merged(session.setup.settings)
        for owner, text in clashes:
            if text not in known:
                self._problem(owner, text)
        session.tools.set_own({name: tool for name, (_, tool) in self._joined.tools.items()})
        add_providers(session.setup.registry, self._joined, self.ctx_of, self._problem)

    def offer_models(self, registry: ModelRegistry, settings: Settings) -> None:
        """Let a registry know the providers and virtual models, before a session chooses its model."""
        self._joined, _ = self._merged(settings)
        add_providers(registry, self._joined, self.ctx_of, lambda owner, text: None)

    @property
    def flags(self) -> dict[str, Flag]:
        """The flags of the command line that extensions declare."""
        joined, _ = self._merged(Settings())
        return {name: flag for name, (_, flag) in joined.flags.items()}

    def set_flags(self, values: Mapping[str, bool | str]) -> None:
        """What the command line says; it counts for extensions that are loaded again, too."""
        self.roster.flag_values = dict(values)
        for name, flag in self.flags.items():
            flag.value = values.get(name)

    def cli_command(self, words: Sequence[str]) -> Awaitable[int] | None:
        """What runs `pi NAME …` of an extension; None when no extension has the first word as a command."""
        joined, _ = self._merged(Settings())
        if not words or words[0] not in joined.cli:
            return None
        _, command = joined.cli[words[0]]
        return exit_code(command.run, list(words[1:]))

    def _merged(self, settings: Settings) -> tuple[Joined, list[tuple[str, str]]]:
        declared = [(extension.name, extension.declared) for extension in self.roster.extensions]
        return merged(declared, settings.get(RENAMES, {}))

    def _home(self, name: str) -> Home | None:
        return next((e.home for e in self.roster.extensions if e.name == name), None)

    def _problem(self, owner: str, text: str) -> None:
        problem = Problem(owner, text)
        self.problems.append(problem)
        if self._session is not None:
            self._session.hooks.report(owner, "loading", text)

    def _report(self, owner: str, where: str, error: str) -> None:
        if self._session is not None:
            self._session.hooks.report(owner, where, error)


def _discard(guards: list[Any], guard: Any) -> None:
    if guard in guards:
        guards.remove(guard)
