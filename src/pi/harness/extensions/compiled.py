"""Source files as they are now, and their compiled code, kept from one start of Pi to the next."""

import importlib.util
import marshal
import os
import stat
import sys
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any

SIZE_LIMIT = 16 * 1024 * 1024  # bytes of one source file
CODE_LIMIT = 4 * SIZE_LIMIT  # bytes of its code in the cache
CACHE_LIMIT = 1000  # files in the cache; half of them go when there are more
_CHECK = 8  # bytes before the code in a cached file, which say whether it is whole
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


def key_of(path: str, data: bytes) -> bytes:
    """Stands for the code that this Python makes of these bytes at that path."""
    made_by = importlib.util.MAGIC_NUMBER + bytes([sys.flags.optimize])
    return sha256(made_by + os.fsencode(path) + b"\0" + data)


def sha256(data: bytes) -> bytes:
    return _hash()(data).digest()


def code_of(path: str, data: bytes, key: bytes, cache_dir: Path | None) -> CodeType:
    """The code that a source file's bytes compile to, with their `key_of`; raises what `compile` does."""
    if cache_dir is None:
        return _compile(data, path)
    cached = os.path.join(cache_dir, key.hex())  # noqa: PTH118 (once for each file)
    code = _from_cache(cached, key)
    if code is None:
        code = _compile(data, path)
        _into_cache(Path(cached), key, code)
    return code


def _contents(path: str, limit: int) -> tuple[os.stat_result, bytes]:
    """What a file is and says; nothing of what is no file that ends, or is too large."""
    descriptor = os.open(path, _FLAGS)
    try:
        info = os.fstat(descriptor)
        data = b""
        if stat.S_ISREG(info.st_mode) and info.st_size <= limit:
            while piece := os.read(descriptor, max(info.st_size - len(data), 0) + 1):
                data += piece
        return info, data
    finally:
        os.close(descriptor)


def _compile(data: bytes, path: str) -> CodeType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # advice about syntax would be printed into the user's screen
        return compile(data, path, "exec", dont_inherit=True)


def _from_cache(path: str, key: bytes) -> CodeType | None:
    """The code under a key; None unless it is whole, and written by this user and nobody else."""
    try:
        info, data = _contents(path, CODE_LIMIT)
    except OSError:
        return None
    if os.name != "nt" and (info.st_uid != os.getuid() or info.st_mode & 0o022):
        return None
    payload = data[_CHECK:]
    if data[:_CHECK] != _check(key, payload):  # damaged, or another file's under this name
        return None
    code = marshal.loads(payload)
    return code if isinstance(code, CodeType) else None


def _check(key: bytes, payload: bytes) -> bytes:
    """Tells damage, and a tenth of SHA-256's time; who can write the file as the user needs no damage."""
    return importlib.util.source_hash(key + payload)


def _into_cache(path: Path, key: bytes, code: CodeType) -> None:
    payload = marshal.dumps(code)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.urandom(6).hex()}.tmp")
        draft.touch(0o600, exist_ok=False)
        draft.write_bytes(_check(key, payload) + payload)
        draft.replace(path)  # without a wait for the disk: what is cut short fails its checksum
        files = list(path.parent.iterdir())
        if len(files) > CACHE_LIMIT:
            files.sort(key=lambda file: file.stat().st_mtime_ns)
            for old in files[: CACHE_LIMIT // 2]:
                old.unlink(missing_ok=True)
    except OSError:  # a full disk, a folder that can't be written: it costs time at the next start
        pass


@cache
def _hash() -> Callable[[bytes], Any]:
    """The interpreter's own SHA-256 where it can be had: `hashlib` loads OpenSSL first (5 ms)."""
    for name in ("_sha2", "_sha256"):  # since 3.12, until 3.11
        try:
            return importlib.import_module(name).sha256
        except ImportError:
            pass
    import hashlib

    return hashlib.sha256
