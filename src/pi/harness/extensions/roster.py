"""The loaded extensions of one host: found, imported, asked what they declare, and loaded again."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from pi.agent.limits import Misbehaved, call, told
from pi.harness.discovery import SourceInfo
from pi.harness.extensions.api import ExtensionAPI
from pi.harness.extensions.ctx import Home
from pi.harness.extensions.declarations import Declared
from pi.harness.extensions.finding import Source
from pi.harness.extensions.loading import Loaded, changed_libraries, load, unload
from pi.platform.errors import PiError

LOAD_LIMIT_S = 30.0
Factory = Callable[[ExtensionAPI], Any]


class Problem(Struct, frozen=True):
    """What is wrong with an extension, for people: at loading, in a clash, or while it runs."""

    extension: str
    text: str

    def __str__(self) -> str:
        return f'Extension "{self.extension}": {self.text}'


class Extension:
    """One extension: its module, what it declares, and while it is in a session, its home there."""

    def __init__(self, source: Source, loaded: Loaded | None, api: ExtensionAPI, factory: Factory):
        self.source = source
        self.loaded = loaded
        self.factory = factory
        self.api = api
        self.home: Home | None = None
        self.removals: list[Callable[[], None]] = []

    @property
    def name(self) -> str:
        """Its name, unique among the loaded ones."""
        return self.source.name

    @property
    def declared(self) -> Declared:
        """What it declares."""
        return self.api.declared

    def drop(self) -> None:
        """Let go of its module."""
        if self.loaded is not None:
            unload(self.loaded)
            self.loaded = None


class Roster:
    """The extensions by order of precedence; what fails is left out, and `problem` hears of it."""

    def __init__(
        self,
        find: Callable[[list[str]], Sequence[Source]],
        inline: Sequence[Factory],
        cache_dir: Path | None,
        make_api: Callable[[str], ExtensionAPI],
        problem: Callable[[str, str], None],
    ):
        self.extensions: list[Extension] = []
        self.flag_values: Mapping[str, bool | str] = {}  # of the command line
        self._order: list[Path] = []
        self._find = find
        self._inline = {_name_of(factory, at): factory for at, factory in enumerate(inline, 1)}
        self._cache_dir = cache_dir
        self._make_api = make_api
        self._problem = problem

    def get(self, name: str) -> Extension:
        """An extension by its name. Raises PiError."""
        for extension in self.extensions:
            if extension.name == name:
                return extension
        names = ", ".join(extension.name for extension in self.extensions) or "none"
        raise PiError(f'No extension "{name}" is loaded. Loaded: {names}.')

    def at(self, path: Path) -> Extension | None:
        """The extension of a file."""
        return next((extension for extension in self.extensions if extension.source.path == path), None)

    def free(self, name: str) -> str:
        """The name, with a number behind it if another extension has it."""
        taken = {extension.name for extension in self.extensions}
        numbered = (f"{name}-{number}" for number in range(2, len(taken) + 3))
        return name if name not in taken else next(other for other in numbered if other not in taken)

    async def load_all(self) -> None:
        """Find and load all of them."""
        warnings: list[str] = []
        found = self._find(warnings)
        there = {extension.source.path for extension in self.extensions}
        for source in found:
            if source.path not in there:
                await self._load(source)
        self._heed_libraries("extensions")
        sources = [*found, *map(_inline_source, self._inline)]
        for source in sources[len(found) :]:
            if self.at(source.path) is None:
                await self.declare(source, None, self._inline[source.name])
        self._order = [source.path for source in sources]
        self._sort()
        for text in warnings:
            self._problem("extensions", text)

    async def load_again(self) -> None:
        """Find and load all of them anew; one that is broken now stays as it was."""
        before = {extension.source.path: extension for extension in self.extensions}
        self.extensions = []
        await self.load_all()
        for path, old in before.items():
            if self.at(path) is None and old.loaded is not None and path.exists():
                self._problem(old.name, "the version that was loaded before stays in use.")
                await self._declare_as_before(old)
            else:
                old.drop()
        self._sort()

    async def declare_again(self) -> None:
        """The same modules, for another session: nothing of the old one is in what they declare."""
        before, self.extensions = self.extensions, []
        for old in before:
            await self._declare_as_before(old)

    async def _declare_as_before(self, old: Extension) -> None:
        if await self.declare(old.source, old.loaded, old.factory) is None:
            old.drop()

    def put_in_place_of(self, old: Extension, new: Extension) -> None:
        """The new one, just loaded, takes the old one's place in the order."""
        self.extensions.remove(new)
        self.extensions[self.extensions.index(old)] = new

    def _sort(self) -> None:
        places = {path: at for at, path in enumerate(self._order)}
        self.extensions.sort(key=lambda extension: places.get(extension.source.path, len(places)))

    async def load_one(self, source: Source) -> Extension | None:
        """Import one extension and ask what it declares; None when that fails."""
        extension = await self._load(source)
        self._heed_libraries(source.name)
        return extension

    async def _load(self, source: Source) -> Extension | None:
        try:
            loaded = load(source, cache_dir=self._cache_dir)
        except PiError as error:
            self._problem(source.name, str(error))
            return None
        extension = await self.declare(source, loaded, loaded.factory)
        if extension is None:
            unload(loaded)
        return extension

    def _heed_libraries(self, owner: str) -> None:
        if changed := changed_libraries():
            names = ", ".join(path.name for path in changed)
            self._problem(owner, f"{names} has changed and is compiled: restart Pi to use the new one.")

    async def declare(self, source: Source, loaded: Loaded | None, factory: Factory) -> Extension | None:
        """Ask a module what it declares; None when that fails."""
        api = self._make_api(source.name)
        try:
            await call(LOAD_LIMIT_S, factory, api)
        except Exception as error:  # foreign code: an extension that can't be loaded is left out
            self._problem(source.name, _where(error, source.path))
            return None
        for name, flag in api.declared.flags.items():
            flag.value = self.flag_values.get(name)
        extension = Extension(source, loaded, api, factory)
        self.extensions.append(extension)
        return extension


def _name_of(factory: Factory, number: int) -> str:
    name = getattr(factory, "__name__", "")
    return name if name.isidentifier() and name != "extension" else f"inline-{number}"


def _inline_source(name: str) -> Source:
    info = SourceInfo(f"<inline:{name}>", "local", "temporary")
    return Source(name, Path(info.path), None, "inline", info)


def _where(error: Exception, path: Path) -> str:
    """The error, and the line of the extension that it came from."""
    place = ""
    trace = (error.__cause__ if isinstance(error, Misbehaved) and error.__cause__ else error).__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            place = f"{path}:{trace.tb_lineno}: "
        trace = trace.tb_next
    return place + told(error)
