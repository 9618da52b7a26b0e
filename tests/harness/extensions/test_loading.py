import dataclasses
import gc
import inspect
import linecache
import os
import pickle
import shutil
import stat
import subprocess
import sys
import traceback
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from pi.harness.discovery import SourceInfo
from pi.harness.extensions import compiled, loading
from pi.harness.extensions.finding import Source
from pi.harness.extensions.loading import LoadError, changed_libraries, fingerprint, load, unload

CODE = "def extension(pi): return 1\n"


def write(path: Path, text: str | bytes = CODE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def source_of(path: Path, name: str = "weather", *, package: bool = False) -> Source:
    root = path.parent if package else None
    return Source(name, path, root, "user", SourceInfo(str(path), "auto", "user"))


@pytest.fixture
def single(tmp_path):
    return lambda text=CODE: source_of(write(tmp_path / "weather.py", text))


@pytest.fixture
def package(tmp_path):
    def make(**files: str) -> Source:
        for name, text in files.items():
            write(tmp_path / "weather" / f"{name.replace('__in_', '/')}.py", text)
        return source_of(tmp_path / "weather" / "__init__.py", package=True)

    return make


def failure_of(source: Source, **options) -> LoadError:
    before = (set(loading_modules()), dict(linecache.cache))
    with pytest.raises(LoadError) as caught:
        load(source, **options)
    assert (set(loading_modules()), dict(linecache.cache)) == before
    assert caught.value.__context__ is None
    assert caught.value.extension == source.name
    return caught.value


def loading_modules() -> list[str]:
    return [name for name in sys.modules if name.startswith("_pi_ext_")]


def test_a_file_is_loaded_under_a_fresh_name_each_time(single):
    source = single("count = []\ndef extension(pi): return __name__, __file__, __package__")
    one, two = load(source), load(source)
    assert one.module is not two.module
    assert one.module.count is not two.module.count
    for loaded in (one, two):
        name = loaded.module.__name__
        assert name.startswith("_pi_ext_weather_")
        assert sys.modules[name] is loaded.module
        assert loaded.factory(None) == (name, str(source.path), "")
        assert loaded.files == (source.path,)
        assert changed_libraries() == ()
        unload(loaded)
    assert loading_modules() == []


def test_a_name_that_is_no_identifier_is_fine(tmp_path):
    source = source_of(write(tmp_path / "a.py"), "with.dots and–dashes\n")
    loaded = load(source)
    assert loaded.module.__name__.startswith("_pi_ext_with_dots_and_dashes__")
    unload(loaded)


@pytest.mark.parametrize("cached", [False, True])
def test_an_edit_of_the_same_size_and_time_takes_effect(tmp_path, single, cached):
    options = {"cache_dir": tmp_path / "cache"} if cached else {}
    source = single("def extension(pi): return 1\n")
    moment = source.path.stat().st_mtime_ns
    first = load(source, **options)
    write(source.path, "def extension(pi): return 2\n")
    os.utime(source.path, ns=(moment, moment))
    second = load(source, **options)
    assert (first.factory(None), second.factory(None)) == (1, 2)
    assert first.fingerprint != second.fingerprint == fingerprint(second.files)
    unload(first)
    unload(second)


def test_a_stale_pyc_of_a_submodule_is_never_used(package):
    source = package(__init__="from .sub import value\ndef extension(pi): return value\n", sub="value = 1\n")
    sub = source.path.with_name("sub.py")
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(source.root)], check=True)
    moment = sub.stat().st_mtime_ns
    write(sub, "value = 2\n")
    os.utime(sub, ns=(moment, moment))
    loaded = load(source)
    assert loaded.factory(None) == 2
    unload(loaded)


def test_a_package_imports_its_files_relatively_early_and_late(package):
    source = package(
        __init__=(
            "from . import one\nfrom .deep.two import name\n"
            "def extension(pi):\n    from .late import value\n    return one.value, name, value\n"
        ),
        one="from .deep import two\nvalue = two.name\n",
        deep__in_two="name = __name__\n",
        late="value = 'late'\n",
    )
    loaded = load(source)
    name = f"{loaded.module.__name__}.deep.two"
    assert loaded.factory(None) == (name, name, "late")
    assert [path.name for path in loaded.files] == ["__init__.py", "two.py", "one.py"]
    assert {*loading_modules()} == {
        loaded.module.__name__,
        *(f"{loaded.module.__name__}.{part}" for part in ("one", "deep", "deep.two", "late")),
    }
    unload(loaded)
    assert loading_modules() == []
    assert str(source.path.with_name("late.py")) not in linecache.cache


def test_a_fingerprint_tells_without_running_anything_whether_a_file_changed(package):
    source = package(__init__="from . import sub\n" + CODE, sub="")
    loaded = load(source)
    sub = source.path.with_name("sub.py")
    assert fingerprint(loaded.files) == loaded.fingerprint
    write(sub, "1 / 0\n")
    changed = fingerprint(loaded.files)
    sub.unlink()
    assert len({loaded.fingerprint, changed, fingerprint(loaded.files)}) == 3
    unload(loaded)


def test_an_extension_py_is_a_package_too(tmp_path):
    write(tmp_path / "weather/helper.py", "value = 3\n")
    path = write(
        tmp_path / "weather/extension.py", "from .helper import value\ndef extension(pi): return value\n"
    )
    loaded = load(source_of(path, package=True))
    assert loaded.factory(None) == 3
    unload(loaded)


def test_a_submodule_written_after_a_failed_import_is_found(package):
    source = package(__init__="def extension(pi):\n    from . import new\n    return new.value\n")
    loaded = load(source)
    with pytest.raises(ImportError):
        loaded.factory(None)
    write(source.path.with_name("new.py"), "value = 4\n")
    assert loaded.factory(None) == 4
    unload(loaded)


def test_two_loads_don_t_see_each_other_s_submodules(package):
    source = package(__init__="from . import sub\ndef extension(pi): return sub\n", sub="")
    one, two = load(source), load(source)
    assert one.factory(None) is not two.factory(None)
    unload(one)
    assert two.factory(None).__name__ in sys.modules
    unload(two)


def test_code_still_runs_after_unloading_but_imports_no_more_of_its_own(package):
    source = package(
        __init__="value = 5\ndef extension(pi): return value\ndef late(): from . import sub\n", sub=""
    )
    loaded = load(source)
    unload(loaded)
    unload(loaded)
    assert loaded.factory(None) == 5
    with pytest.raises(ImportError):
        loaded.module.late()


def test_dataclasses_structs_pickles_and_sources_work(single):
    source = single(
        "from __future__ import annotations\n"
        "import dataclasses, msgspec\n"
        "@dataclasses.dataclass\nclass Point:\n    x: int\n    y: int = 0\n"
        "class Tree(msgspec.Struct):\n    leaves: list[Tree] = []\n"
        "def extension(pi):\n    return 'text'  # and a comment\n"
    )
    loaded = load(source)
    point = loaded.module.Point(1)
    assert dataclasses.asdict(pickle.loads(pickle.dumps(point))) == {"x": 1, "y": 0}
    import msgspec

    assert msgspec.json.decode(b'{"leaves":[{}]}', type=loaded.module.Tree).leaves[0].leaves == []
    assert inspect.getsource(loaded.factory) == "def extension(pi):\n    return 'text'  # and a comment\n"
    assert inspect.getsource(loaded.module.Point).startswith("@dataclasses.dataclass\nclass Point")
    unload(loaded)


def test_tracebacks_show_the_lines_that_ran_not_those_of_a_later_edit(single):
    source = single("def extension(pi):\n    return 1 / 0  # first\n")
    old = load(source)
    write(source.path, "def extension(pi):\n    return 2 / 0  # second\n")
    assert "# first" in shown(old)
    new = load(source)
    assert "# second" in shown(new)
    write(source.path, "def extension(pi:\n")
    failure_of(source)
    assert "# second" in shown(new)
    unload(old)
    assert "# second" in shown(new)
    unload(new)
    assert str(source.path) not in linecache.cache


def shown(loaded) -> str:
    try:
        loaded.factory(None)
    except ZeroDivisionError:
        return traceback.format_exc()
    raise AssertionError


@pytest.mark.parametrize(
    "data",
    [
        "# -*- coding: latin-1 -*-\nword = 'é'\ndef extension(pi): return word\n".encode("latin-1"),
        b"\xef\xbb\xbf" + "word = 'é'\r\ndef extension(pi):\r\n    return word\r\n".encode(),
    ],
)
def test_cookies_marks_and_line_ends_are_obeyed(single, data):
    loaded = load(single(data))
    assert loaded.factory(None) == "é"
    assert inspect.getsource(loaded.factory).startswith("def extension(pi):")
    unload(loaded)


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        (
            "x = 1\ndef extension(pi:\n    pass\n",
            2,
            "'(' was never closed\n    def extension(pi:\n                 ^",
        ),
        ("def extension(pi):\nreturn 1\n", 2, "IndentationError: expected an indented block"),
        ("\n\nfoo\n", 3, "NameError: name 'foo' is not defined"),
        ("import json\n\njson.loads('{')\n", 3, "json.decoder.JSONDecodeError: Expecting property name"),
        ("def f():\n    exit(3)\nf()\n", 2, "it ended the program (SystemExit: 3). Take that out"),
        ("raise GeneratorExit\n", 1, "GeneratorExit"),
        ("import asyncio\nraise asyncio.CancelledError\n", 2, "asyncio.exceptions.CancelledError"),
        ("import no_such_thing.part\n", 1, "it needs the module 'no_such_thing'"),
        ("from . import x\n", 1, "Only a folder with an __init__.py or extension.py has relative imports."),
        ("from json import nothing\n", 1, "ImportError: cannot import name 'nothing' from 'json'"),
        ("eval('1 +')\n", 1, "SyntaxError: invalid syntax"),
        ("raise SyntaxError\n", 1, "SyntaxError: <no detail available>"),
        ("class E(Exception):\n    def __str__(self): 1 / 0\nraise E\n", 3, "<exception str() failed>"),
        ("def extension(pi): extension(pi)\nextension(1)\n", 1, "RecursionError: maximum recursion depth"),
        ("# -*- coding: nonsense -*-\n", None, "unknown encoding: nonsense"),
        (b"a = 1\nb = '\xff'\n", None, "'utf-8' codec can't decode byte 0xff"),
        (CODE.encode("utf-16"), 1, "null byte in it, so it is no Python source; save it as UTF-8"),
        ("", None, "define `def extension(pi):`"),
        ("extension = 3\n", None, "define `def extension(pi):`"),
        ("pi_api = 2\n" + CODE, None, "version 2 of the extension API, this Pi has 1. Update Pi."),
        ("from pi import NewThing\n\npi_api = 7\n" + CODE, None, "version 7 of the extension API"),
        ("pi_api = '1'\n" + CODE, None, "pi_api must be a whole number: `pi_api = 1`."),
    ],
)
def test_a_failure_says_where_and_what_to_do(single, text, line, why, capfd):
    source = single(text)
    error = failure_of(source)
    assert why in str(error)
    assert str(error).startswith(f"Extension 'weather' can't be loaded ({source.path}")
    assert error.file == source.path
    if line is not None:
        assert error.line == line
    assert capfd.readouterr() == ("", "")


def test_the_version_that_we_have_is_fine(single):
    unload(load(single("pi_api = 1\n" + CODE)))


def test_a_failure_in_a_submodule_names_that_file_and_leaves_nothing(package):
    source = package(__init__="from . import good, bad\n" + CODE, good="", bad="\n1 / 0\n")
    error = failure_of(source)
    assert (error.file, error.line) == (source.path.with_name("bad.py"), 2)
    write(source.path.with_name("bad.py"), "x = (\n")
    error = failure_of(source)
    assert (error.file, error.line) == (source.path.with_name("bad.py"), 1)


def test_an_absolute_import_of_itself_is_told_to_be_relative(package, single, tmp_path):
    source = package(__init__="from weather.sub import x\n" + CODE, sub="x = 1\n")
    assert "Write a relative import of its own files" in str(failure_of(source))
    package(__init__="import sub\n" + CODE)
    assert "`from . import sub`." in str(failure_of(source))
    package(__init__="from . import gone\n" + CODE)
    assert "cannot import name 'gone' from 'weather'" in str(failure_of(source))
    package(__init__="from .gone import x\n" + CODE)
    assert f"there is no module 'gone' in {source.root}" in str(failure_of(source))
    write(tmp_path / "beside.py")
    assert "move both into a folder" in str(failure_of(single("import beside\n")))


def test_what_can_t_be_read_is_said(tmp_path):
    assert "it can't be read: No such file or directory." in str(failure_of(source_of(tmp_path / "gone.py")))
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.py")
        assert "it can't be read: it is no regular file." in str(failure_of(source_of(tmp_path / "pipe.py")))
    assert "it can't be read: " in str(failure_of(source_of(tmp_path)))
    huge = tmp_path / "huge.py"
    with huge.open("wb") as file:
        file.truncate(compiled.SIZE_LIMIT + 1)
    assert "16,777,217 bytes are too many" in str(failure_of(source_of(huge)))


def test_ctrl_c_passes_and_leaves_nothing(single):
    before = loading_modules()
    with pytest.raises(KeyboardInterrupt):
        load(single("raise KeyboardInterrupt\n"))
    assert loading_modules() == before


def test_advice_of_the_compiler_is_not_printed(single, capfd):
    unload(load(single("text = '\\d'\n" + CODE)))
    assert capfd.readouterr() == ("", "")


def test_the_cache_gives_the_same_code_without_compiling(tmp_path, package, monkeypatch):
    cache = tmp_path / "cache"
    source = package(__init__="from .sub import x\ndef extension(pi): return x\n", sub="x = 8\n")
    unload(load(source, cache_dir=cache))
    files = sorted(cache.iterdir())
    assert len(files) == 2
    if os.name == "posix":
        assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600, 0o600]
    compiled = []
    monkeypatch.setattr("pi.harness.extensions.compiled._compile", lambda data, path: compiled.append(path))
    loaded = load(source, cache_dir=cache)
    assert (loaded.factory(None), compiled, sorted(cache.iterdir())) == (8, [], files)
    unload(loaded)


@pytest.mark.parametrize("harm", ["short", "flipped", "empty", "other", "writable", "link", "folder"])
def test_a_cache_file_that_can_t_be_trusted_is_not_used(tmp_path, single, harm):
    cache = tmp_path / "cache"
    unload(
        load(source_of(write(tmp_path / "other.py", "def extension(pi): return 'other'\n")), cache_dir=cache)
    )
    (other,) = cache.iterdir()
    source = single("def extension(pi): return 'right'\n")
    unload(load(source, cache_dir=cache))
    (file,) = set(cache.iterdir()) - {other}
    data = file.read_bytes()
    match harm:
        case "short":
            file.write_bytes(data[:-5])
        case "flipped":
            file.write_bytes(data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])
        case "empty":
            file.write_bytes(b"")
        case "other":
            file.write_bytes(other.read_bytes())
        case "writable":
            file.chmod(0o666)
        case "link":
            file.rename(tmp_path / "moved")
            file.symlink_to(tmp_path / "moved")
        case _:
            file.unlink()
            file.mkdir()
    loaded = load(source, cache_dir=cache)
    assert loaded.factory(None) == "right"
    unload(loaded)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away")
def test_a_cache_file_of_somebody_else_s_is_not_used(tmp_path, single):
    source, cache = single(), tmp_path / "cache"
    unload(load(source, cache_dir=cache))
    (file,) = cache.iterdir()
    os.chown(file, 12345, 12345)
    unload(load(source, cache_dir=cache))
    assert file.stat().st_uid == 0  # written anew


def test_a_cache_that_can_t_be_written_costs_nothing_else(tmp_path, single):
    unload(load(single(), cache_dir=write(tmp_path / "file") / "cache"))


def test_an_edit_takes_the_place_of_what_was_cached(tmp_path, single):
    cache = tmp_path / "cache"
    for number in range(3):
        loaded = load(single(f"def extension(pi): return {number}\n"), cache_dir=cache)
        assert (loaded.factory(None), len(list(cache.iterdir()))) == (number, 1)
        unload(loaded)


def test_the_cache_doesn_t_grow_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(compiled, "CACHE_LIMIT", 10)
    cache = tmp_path / "cache"
    for number in range(25):
        unload(load(source_of(write(tmp_path / f"e{number}.py", CODE)), cache_dir=cache))
    assert len(list(cache.iterdir())) <= 10
    assert not list(cache.glob("*.tmp"))


def library() -> Path | None:
    """A compiled module of the standard library that can be loaded under another name."""
    for folder in map(Path, sys.path):
        for suffix in EXTENSION_SUFFIXES:
            for name in ("_bisect", "_heapq", "_queue"):
                if (path := folder / f"{name}{suffix}").is_file():
                    return path
    return None


@pytest.mark.skipif(library() is None, reason="this Python has its compiled modules built in")
def test_a_compiled_module_that_changed_needs_a_restart(package, monkeypatch):
    monkeypatch.setattr(loading, "_libraries", {})  # later tests don't need a restart
    found = library()
    assert found is not None
    name = found.name.partition(".")[0]
    source = package(__init__=f"from . import {name}\n" + CODE)
    assert source.root is not None
    copy = source.root / found.name
    shutil.copy(found, copy)
    loaded = load(source)
    assert copy not in changed_libraries()
    unload(loaded)
    os.utime(copy, ns=(1, 1))
    again = load(source)
    assert copy in changed_libraries()
    unload(again)


def test_a_hundred_rounds_leave_nothing_behind(package):
    source = package(
        __init__=(
            "import dataclasses, enum\nfrom . import sub\n"
            "@dataclasses.dataclass\nclass Point:\n    x: int\n"
            "class Color(enum.Enum):\n    RED = 1\n"
            "def extension(pi): return sub.helper, Point, Color\n"
        ),
        sub="class Helper:\n    def me(self): return __class__\ndef helper(): return Helper().me()\n",
    )

    def rounds(number: int) -> tuple[set[str], set[str], int]:
        for _ in range(number):
            loaded = load(source)
            loaded.factory(None)
            unload(loaded)
            write(source.path.with_name("sub.py"), "1 / 0\n")
            with pytest.raises(LoadError):
                load(source)
            write(source.path.with_name("sub.py"), "def helper(): return 1\n")
        del loaded
        gc.collect()
        return set(sys.modules), set(linecache.cache), len(gc.get_objects())

    modules, lines, objects = rounds(10)
    later = rounds(100)
    assert later[:2] == (modules, lines)
    assert later[2] - objects < 100  # one module alone has more than that: nothing of a hundred is kept
