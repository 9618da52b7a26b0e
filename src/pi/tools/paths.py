"""Paths as models write them, and the words in which the system refuses one."""

import errno
import os
import re
import stat
from io import BufferedReader
from pathlib import Path

from pi.agent.tool import ToolError

_SPACES = "[\u00a0\u2000-\u200a\u202f\u205f\u3000]"
_AM_PM = r" ([AP]M)\."
_SHELL_DRIVE = r"/(?:mnt/|cygdrive/)?([a-z])(?:/(.*))?"

# As Node words them: models know these texts, and sessions of both programs hold the same.
_WORDS = {
    errno.EACCES: "permission denied",
    errno.EAGAIN: "resource temporarily unavailable",
    errno.EBUSY: "resource busy or locked",
    errno.EEXIST: "file already exists",
    errno.EFBIG: "file too large",
    errno.EINVAL: "invalid argument",
    errno.EIO: "i/o error",
    errno.EISDIR: "illegal operation on a directory",
    errno.ELOOP: "too many symbolic links encountered",
    errno.EMFILE: "too many open files",
    errno.ENAMETOOLONG: "name too long",
    errno.ENFILE: "file table overflow",
    errno.ENODEV: "no such device",
    errno.ENOENT: "no such file or directory",
    errno.ENOMEM: "not enough memory",
    errno.ENOSPC: "no space left on device",
    errno.ENOTDIR: "not a directory",
    errno.ENXIO: "no such device or address",
    errno.EPERM: "operation not permitted",
    errno.EROFS: "read-only file system",
    errno.ETXTBSY: "text file is busy",
}


def well_formed(text: str) -> str:
    """`text` fit for UTF-8: halves of a pair that stand together join, a lone one becomes U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def resolve_path(path: str, cwd: Path) -> Path:
    """The absolute path that a model means: `@` before it, `~`, `file://` and odd spaces are understood.

    Raises ToolError for what can't be a path.
    """
    text = re.sub(_SPACES, " ", well_formed(path)).removeprefix("@")
    if "\0" in text:
        raise ToolError(f"The path {path!r} holds a null character; write it without.")
    if os.name == "nt":
        text = _windows_path(text)
    if text == "~" or text.startswith(("~/", "~\\") if os.name == "nt" else "~/"):
        text = os.path.expanduser("~") + os.sep + text[2:]  # noqa: PTH111 (Path.home() raises without a home)
    elif text.startswith("file://"):
        text = _file_url_path(text)
    absolute = os.path.normpath(os.path.join(cwd, text))  # noqa: PTH118 (`..` goes by the text, as in Node)
    return Path("/" + absolute.lstrip("/") if absolute.startswith("//") and os.name != "nt" else absolute)


def resolve_read_path(path: str, cwd: Path) -> Path:
    """Like `resolve_path`, but a missing file is looked for under the names that macOS may have given it."""
    resolved = resolve_path(path, cwd)
    if os.path.exists(resolved):  # noqa: PTH110 (false instead of an error where a folder can't be searched)
        return resolved
    from unicodedata import normalize

    text = str(resolved)
    decomposed = normalize("NFD", text)
    variants = (
        re.sub(
            _AM_PM, "\u202f\\1.", text, flags=re.IGNORECASE
        ),  # screenshots: a narrow space before AM and PM
        decomposed,
        text.replace("'", "\u2019"),
        decomposed.replace("'", "\u2019"),
    )
    return next((Path(name) for name in variants if os.path.exists(name)), resolved)  # noqa: PTH110


def refusal(error: OSError, call: str, path: Path | None = None) -> str:
    """What the system said, as Node words it: `ENOENT: no such file or directory, access '/a'`."""
    code = error_code(error)
    words = _WORDS.get(error.errno or 0) or (error.strerror or "unknown error").lower()
    return f"{code}: {words}, {call}" + (f" '{path}'" if path else "")


def error_code(error: OSError) -> str:
    """The symbol of an error number, such as `ENOENT`."""
    return errno.errorcode.get(error.errno or 0, "UNKNOWN")


def access_error(file: Path, mode: int) -> OSError | None:
    """The error with which the system refuses access to `file` (`os.R_OK | os.W_OK`), if it does."""
    try:
        file.stat()
    except OSError as error:
        return error
    return None if os.access(file, mode) else PermissionError(errno.EACCES, "permission denied")


def open_file(file: Path, shown: str) -> BufferedReader:
    """Open a regular file for reading; `shown` is its name in errors. Never waits, not even for a pipe.

    Raises ToolError for everything else, and when the system refuses.
    """
    try:
        mode = file.stat().st_mode
        if stat.S_ISDIR(mode):
            raise ToolError("EISDIR: illegal operation on a directory, read")
        if not stat.S_ISREG(mode):
            raise ToolError(
                f"{shown} is no regular file but {_kind(mode)}, which may never end. "
                f"Use bash with a limit, such as: timeout 5 head -c 1000 {shown}"
            )
        # Without O_NONBLOCK, a pipe that has just taken the file's place would wait for its writer.
        return open(file, "rb", opener=lambda path, flags: os.open(path, flags | NONBLOCK))
    except OSError as error:
        raise ToolError(refusal(error, "open", file)) from None


NONBLOCK = getattr(os, "O_NONBLOCK", 0)  # Windows has none


def _kind(mode: int) -> str:
    if stat.S_ISFIFO(mode):
        return "a pipe"
    if stat.S_ISSOCK(mode):
        return "a socket"
    return "a device"


def _windows_path(text: str) -> str:
    """`/c/x`, `/mnt/c/x` and `/cygdrive/c/x`, as the shells on Windows write them, are `C:\\x`."""
    match = None if "\\" in text else re.fullmatch(_SHELL_DRIVE, text, re.IGNORECASE)
    if not match:
        return text
    return f"{match[1].upper()}:\\{(match[2] or '').replace('/', os.sep)}"


def _file_url_path(url: str) -> str:
    from urllib.parse import unquote, urlsplit

    try:
        parts = urlsplit(url)
    except ValueError:
        raise ToolError(f"{url} is no valid file URL; give a plain path instead.") from None
    path = unquote(parts.path)
    if os.name == "nt":
        return f"//{parts.netloc}{path}" if parts.netloc else path.removeprefix("/")
    if parts.netloc not in ("", "localhost"):
        raise ToolError(f"{url} names the host {parts.netloc}; give the plain path of a local file instead.")
    if "\0" in path:
        raise ToolError(f"The path {url!r} holds a null character; write it without.")
    return path
