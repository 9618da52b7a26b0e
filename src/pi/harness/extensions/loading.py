"""Runs an extension's code, always what its files say now, and lets go of it again."""

import importlib.util
import linecache
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    ModuleSpec,
    SourceFileLoader,
)
from io import StringIO
from itertools import count
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from msgspec import Struct

from pi.harness.extensions.compiled import code_of, digest, read_source
from pi.harness.extensions.finding import Source
from pi.platform.errors import PiError

API_VERSION = 1  # what an extension may ask for by `pi_api`
_PREFIX = "_pi_ext_"
_MARK = b"\xef\xbb\xbf"  # a byte order mark
_COMPILED = tuple(EXTENSION_SUFFIXES)

_numbers = count(1)
_loads: dict[str, "_Load"] = {}  # by the module's name
_known: set[str] = set()  # names in sys.modules that `changed_libraries` has looked at
_libraries: dict[str, tuple[int, ...] | None] = {}  # compiled modules and how their files were


class LoadError(PiError):
    """An extension that can't be loaded; `file` and `line` say where, as far as it is known."""

    def __init__(self, extension: str, why: str, *, file: Path | None = None, line: int | None = None):
        place = "" if file is None else f" ({file})" if line is None else f" ({file}, line {line})"
        super().__init__(f"Extension {extension!r} can't be loaded{place}: {why}")
        self.extension = extension
        self.file = file
        self.line = line


class Loaded(Struct):
    """An extension whose module has run; `factory` is its `extension` function, not called yet.

    `files` are the sources that it read, `fingerprint` is theirs.
    """

    source: Source
    module: ModuleType
    factory: Callable[..., Any]
    fingerprint: str
    files: tuple[Path, ...]


def load(source: Source, *, cache_dir: Path | None = None) -> Loaded:
    """Run the extension's module under a fresh name; what was loaded before under another goes on unharmed.

    Compiled code is kept in `cache_dir` beside its source, so it is never older than the file. Raises
    LoadError for whatever goes wrong, SystemExit included; only KeyboardInterrupt passes, as it may be the
    user's. After either nothing of the module is left.
    """
    if _Finder not in sys.meta_path:
        sys.meta_path.insert(0, _Finder)  # before the one that would take a stale .pyc
    name = f"{_PREFIX}{re.sub(r'[^a-zA-Z0-9_]', '_', source.name)}_{next(_numbers)}"
    run = _loads[name] = _Load(cache_dir)
    try:
        result = _execute(_module(name, source, run), source, run)
    except KeyboardInterrupt:
        _forget(name, restore=True)
        raise
    if isinstance(result, LoadError):
        _forget(name, restore=True)
        raise result  # not inside `except`: as its context the foreign error would keep the module alive
    run.replaced.clear()
    return result


def unload(loaded: Loaded) -> None:
    """Let go of a loaded module and its submodules; a second time does nothing.

    The module keeps its names: code of it may still be running and finds them. The garbage collector takes it
    once nothing refers to it any more, so the caller drops `loaded` and what the extension declared.
    """
    _forget(loaded.module.__name__)


def fingerprint(files: Iterable[Path]) -> str:
    """What `Loaded.fingerprint` would be if these were its `files` as they are now; runs nothing."""
    digests: dict[str, bytes] = {}
    for path in files:
        try:
            digests[str(path)] = digest(read_source(str(path)))
        except OSError:  # gone: unlike anything that was there
            digests[str(path)] = b""
    return _combined(digests)


def changed_libraries() -> tuple[Path, ...]:
    """The compiled modules in use whose file is another than when they were first seen here.

    Python goes on with the old ones until it starts again.
    """
    for name in [name for name in sys.modules if name not in _known]:
        _known.add(name)
        path = getattr(sys.modules[name], "__file__", None)
        if not isinstance(path, str) or not path.endswith(_COMPILED):
            continue
        if "lib-dynload" not in path:  # Python's own don't change under it
            _libraries.setdefault(path, _identity(path))
    return tuple(Path(path) for path, identity in _libraries.items() if _identity(path) != identity)


def _identity(path: str) -> tuple[int, ...] | None:
    try:
        info = Path(path).stat()
    except OSError:
        return None
    return info.st_ino, info.st_size, info.st_mtime_ns


class _Load:
    """One loading of an extension: what its modules have read."""

    def __init__(self, cache_dir: Path | None):
        self.cache_dir = cache_dir
        self.digests: dict[str, bytes] = {}
        self.lines: dict[str, Any] = {}  # the entries of linecache that are ours, by path
        self.replaced: dict[str, Any] = {}  # and those that were there before

    def code(self, path: str) -> CodeType:
        """The code of a source file as it is now; raises OSError and what `compile` does."""
        data = read_source(path)
        self.digests[path] = digest(data)
        self._show(path, data)
        if b"\0" in data:
            line = data[: data.index(b"\0")].count(b"\n") + 1
            text = "the file has a null byte in it, so it is no Python source; save it as UTF-8"
            raise SyntaxError(text, (path, line, None, None))
        return code_of(path, data, self.cache_dir)

    def _show(self, path: str, data: bytes) -> None:
        """Give tracebacks and `inspect` the lines that run, also when the file is edited later."""
        try:
            usual = b"coding" not in data and b"\r" not in data
            text = data.removeprefix(_MARK).decode() if usual else importlib.util.decode_source(data)
        except (SyntaxError, UnicodeError, LookupError):  # `compile` says it better
            return
        if path in linecache.cache:
            self.replaced.setdefault(path, linecache.cache[path])
        # Without a time of change linecache doesn't look at the file again.
        entry = (len(data), None, StringIO(text).readlines(), path)
        linecache.cache[path] = self.lines[path] = entry


class _Loader(SourceFileLoader):
    """Compiles what the file says, without a look at any .pyc."""

    def __init__(self, run: _Load, fullname: str, path: str):
        super().__init__(fullname, path)
        self._run = run

    def get_code(self, fullname: str) -> CodeType:
        return self._run.code(str(self.path))


class _Finder:
    """Finds the submodules of loaded extensions, and nothing else."""

    @classmethod
    def find_spec(
        cls, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is None or not fullname.startswith(_PREFIX):
            return None
        run = _loads.get(fullname.partition(".")[0])
        if run is None:  # unloaded: what still runs of it can't import more
            return None
        python: Any = partial(_Loader, run)
        for folder in path:
            # A new one each time: it remembers what lay in the folder.
            finder = FileFinder(folder, (ExtensionFileLoader, EXTENSION_SUFFIXES), (python, [".py"]))
            if spec := finder.find_spec(fullname):
                return spec
        return None


def _module(name: str, source: Source, run: _Load) -> ModuleType:
    path = _absolute(source.path)
    loader = _Loader(run, name, path)
    spec = ModuleSpec(name, loader, origin=path, is_package=source.root is not None)
    spec.has_location = True
    module = ModuleType(name)  # and not `module_from_spec`, which looks for where a .pyc would be
    module.__spec__, module.__loader__, module.__package__ = spec, loader, spec.parent
    module.__file__ = path
    if source.root is not None:
        module.__path__ = spec.submodule_search_locations = [_absolute(source.root)]
    sys.modules[name] = module
    return module


def _absolute(path: Path) -> str:
    text = str(path)
    return text if os.path.isabs(text) else str(path.absolute())  # noqa: PTH117 (once for each extension)


def _execute(module: ModuleType, source: Source, run: _Load) -> Loaded | LoadError:
    try:
        exec(run.code(_absolute(source.path)), module.__dict__)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # foreign code: not even its SystemExit may stop Pi
        return _failure(error, module, source, run)
    names = module.__dict__
    wanted, factory = names.get("pi_api", API_VERSION), names.get("extension")
    if not isinstance(wanted, int) or isinstance(wanted, bool):
        return LoadError(source.name, "pi_api must be a whole number: `pi_api = 1`.", file=source.path)
    if wanted > API_VERSION:
        return _too_new(source, wanted)
    if not callable(factory):
        why = "it has no function to begin with: define `def extension(pi):`."
        return LoadError(source.name, why, file=source.path)
    files = tuple(Path(path) for path in sorted(run.digests))
    return Loaded(source, module, factory, _combined(run.digests), files)


def _forget(name: str, *, restore: bool = False) -> None:
    """Take a module out of all that is ours; `restore` what linecache had before."""
    run = _loads.pop(name, None)
    if run is None:
        return
    inside = f"{name}."
    for key in [name, *(key for key in sys.modules if key.startswith(inside))]:
        sys.modules.pop(key, None)
        _known.discard(key)
    for path, entry in run.lines.items():
        if linecache.cache.get(path) is not entry:
            continue  # a later version's
        del linecache.cache[path]
        if restore and path in run.replaced:
            linecache.cache[path] = run.replaced[path]


def _failure(error: BaseException, module: ModuleType, source: Source, run: _Load) -> LoadError:
    """What went wrong, at the innermost line that is the extension's."""
    if (wanted := _wanted_api(source.path)) > API_VERSION:  # then the rest follows from that
        return _too_new(source, wanted)
    path, line = _innermost(error, run)
    why = _reason(error, path, source).replace(module.__name__, source.name)
    return LoadError(source.name, why, file=Path(path) if path else source.path, line=line)


def _innermost(error: BaseException, run: _Load) -> tuple[str | None, int | None]:
    if isinstance(error, SyntaxError) and error.filename in run.digests:
        return error.filename, error.lineno or None  # 0 stands for the file
    frames = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    return next(((path, line) for path, line in reversed(frames) if path in run.digests), (None, None))


def _reason(error: BaseException, path: str | None, source: Source) -> str:
    match error:
        case SyntaxError() if path is not None and error.filename == path:
            *where, what = traceback.format_exception_only(error)
            return "".join([what.removeprefix("SyntaxError: "), *where[1:]]).rstrip()
        case OSError() if path is None:
            return f"it can't be read: {error.strerror}."
        case ModuleNotFoundError(name=str(name)):
            return _missing(name, source)
        case ImportError() if "no known parent package" in str(error):
            return f"{error}. Only a folder with an __init__.py or extension.py has relative imports."
        case SystemExit():
            return f"it ended the program (SystemExit: {error}). Take that out, or move it into a handler."
        case _:
            return "".join(traceback.format_exception_only(error)).strip()


def _missing(name: str, source: Source) -> str:
    """What to do about a module that isn't there: by its name it is the extension's own, or somebody's."""
    if name.startswith(_PREFIX):
        return f"there is no module {name.partition('.')[2]!r} in {source.root}. Check the relative import."
    first = name.partition(".")[0]
    folder = source.root or source.path.parent
    if source.root is not None and first == source.root.name:
        rest = name.partition(".")[2] or "module"
        return f"No module named {name!r}. Write a relative import of its own files: `from . import {rest}`."
    if (folder / f"{first}.py").exists() or (folder / first).is_dir():
        hint = "" if source.root else " and move both into a folder, the extension as __init__.py"
        return f"No module named {name!r}. Write a relative import, `from . import {first}`{hint}."
    return (
        f"it needs the module {name!r}, which isn't installed. Install what provides it where Pi runs, "
        f"for example: uv pip install --python {sys.executable} {first}"
    )


def _wanted_api(path: Path) -> int:
    """The `pi_api` in a source that can't be run; 0 when it can't be found."""
    try:
        found = re.search(
            rb"^pi_api\s*(?::\s*int\s*)?=\s*(\d{1,9})\s*(?:#|$)", read_source(str(path)), re.MULTILINE
        )
    except OSError:
        return 0
    return int(found[1]) if found else 0


def _too_new(source: Source, wanted: int) -> LoadError:
    why = f"it is written for version {wanted} of the extension API, this Pi has {API_VERSION}. Update Pi."
    return LoadError(source.name, why, file=source.path)


def _combined(digests: dict[str, bytes]) -> str:
    parts = (os.fsencode(path) + b"\0" + digests[path] for path in sorted(digests))
    return digest(b"".join(parts)).hex()
