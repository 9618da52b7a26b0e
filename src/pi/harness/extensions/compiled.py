"""Source files as they are now, and their compiled code, kept from one start of Pi to the next."""

import importlib.util
import marshal
import os
import stat
import sys
import warnings
from pathlib import Path
from types import CodeType

SIZE_LIMIT = 16 * 1024 * 1024  # bytes of one source file
CODE_LIMIT = 4 * SIZE_LIMIT  # bytes of its code in the cache
CACHE_LIMIT = 1000  # files in the cache; half of them go when there are more
_CHECK = 8  # bytes at the beginning of a cached file: the digest of all that follows
# A pipe must not wait for its other end, and Windows must leave the ends of lines alone.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def read_source(path: str) -> bytes:
    """A source file; OSError also for what is too large, or no file that ends (a pipe, a device)."""
    info, data = _contents(path, SIZE_LIMIT)
    if not stat.S_ISREG(info.st_mode):
        raise OSError(0, "it is no regular file", path)
    if info.st_size > SIZE_LIMIT:
        raise OSError(0, f"{info.st_size:,} bytes are too many for a source file", path)
    return data


def digest(data: bytes) -> bytes:
    """Tells by 8 bytes whether something is as it was; quick, and nothing that an enemy couldn't meet."""
    return importlib.util.source_hash(data)


def code_of(path: str, data: bytes, cache_dir: Path | None) -> CodeType:
    """The code that this Python makes of a source file's bytes; raises what `compile` does.

    The file in `cache_dir` has the source beside its code: only where both are the same is it used.
    """
    if cache_dir is None:
        return _compile(data, path)
    place = importlib.util.MAGIC_NUMBER + bytes([sys.flags.optimize]) + os.fsencode(path) + b"\0"
    cached = os.path.join(cache_dir, digest(place).hex())  # noqa: PTH118 (once for each file)
    code = _from_cache(cached, place + data)
    if code is None:
        code = _compile(data, path)
        _into_cache(Path(cached), place + data, code)
    return code


def _contents(path: str, limit: int) -> tuple[os.stat_result, bytes]:
    """What a file is and says; nothing of what is no file that ends, or is too large."""
    descriptor = os.open(path, _FLAGS)
    try:
        info = os.fstat(descriptor)
        data = b""
        if stat.S_ISREG(info.st_mode) and info.st_size <= limit:
            while missing := info.st_size - len(data):
                piece = os.read(descriptor, missing)
                if not piece:
                    break  # it has just become shorter
                data += piece
        return info, data
    finally:
        os.close(descriptor)


def _compile(data: bytes, path: str) -> CodeType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # advice about syntax would be printed into the user's screen
        return compile(data, path, "exec", dont_inherit=True)


def _from_cache(path: str, origin: bytes) -> CodeType | None:
    """The code of this origin; None unless it is whole, and written by this user and nobody else."""
    try:
        info, data = _contents(path, CODE_LIMIT)
    except OSError:
        return None
    if os.name != "nt" and (info.st_uid != os.getuid() or info.st_mode & 0o022):
        return None
    end = _CHECK + len(origin)
    if data[_CHECK:end] != origin or data[:_CHECK] != digest(data[_CHECK:]):  # of older source, or damaged
        return None
    code = marshal.loads(memoryview(data)[end:])
    return code if isinstance(code, CodeType) else None


def _into_cache(path: Path, origin: bytes, code: CodeType) -> None:
    data = origin + marshal.dumps(code)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.urandom(6).hex()}.tmp")
        draft.touch(0o600, exist_ok=False)
        draft.write_bytes(digest(data) + data)
        draft.replace(path)  # without a wait for the disk: what is cut short fails its checksum
        files = list(path.parent.iterdir())
        if len(files) > CACHE_LIMIT:
            files.sort(key=lambda file: file.stat().st_mtime_ns)
            for old in files[: CACHE_LIMIT // 2]:
                old.unlink(missing_ok=True)
    except OSError:  # a full disk, a folder that can't be written: it costs time at the next start
        pass
