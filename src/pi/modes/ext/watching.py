"""What an extension does while it is tried: what it imports, where it fails, whom it calls."""

import builtins
import inspect
import sys
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from pi.agent.limits import told
from pi.modes.ext.report import Finding

if TYPE_CHECKING:
    from pi.harness.extensions.declarations import Declared

HEAVY_S = 0.05  # CPU time of an import that every start of Pi would pay
_EXTENSION = "_pi_ext_"  # how the loader names modules of extensions
_LOOPBACK = ("localhost", "127.0.0.1", "::1", "")


class ImportTimes:
    """Measures what an extension's own files import while they are loaded."""

    def __init__(self) -> None:
        self._found: list[tuple[str, float, str, int]] = []
        self._inside = False
        self._real: Any = builtins.__import__

    def __enter__(self) -> "ImportTimes":
        builtins.__import__ = self._timed
        return self

    def __exit__(self, *error: object) -> None:
        builtins.__import__ = self._real

    def _timed(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Any = None,
        fromlist: Any = (),
        level: int = 0,
    ) -> Any:
        own = globals is not None and str(globals.get("__name__")).startswith(_EXTENSION)
        if self._inside or level or not own:
            return self._real(name, globals, locals, fromlist, level)
        self._inside = True
        began = time.process_time()
        try:
            return self._real(name, globals, locals, fromlist, level)
        finally:
            self._inside = False
            frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
            took = time.process_time() - began
            self._found.append((name, took, frame.f_code.co_filename, frame.f_lineno))

    def findings(self) -> list[Finding]:
        """A warning for each heavy one."""
        return [
            Finding(
                "warning",
                f"importing {name} takes {took * 1000:.0f} ms of every start: import it inside the function "
                "that needs it",
                file,
                line,
            )
            for name, took, file, line in self._found
            if took > HEAVY_S
        ]


class Network:
    """Refuses every connection but those to this machine; it can't be taken back in this process."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def refuse(self) -> None:
        """From now on."""
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        host: Any
        match event, arguments:
            case "socket.connect", (_, (host, *_)):
                pass
            case "socket.getaddrinfo", (host, *_):
                pass
            case _:
                return
        host = host.decode("latin-1") if isinstance(host, bytes) else str(host or "")
        if host not in _LOOPBACK:
            self.asked.append(host)
            raise ConnectionRefusedError(f"there is no network while an extension is checked ({host})")

    def findings(self) -> list[Finding]:
        """Whom it wanted to reach, as a hint why something may have failed."""
        return [
            Finding("warning", f"it wanted to reach {host}; there is no network while it is checked")
            for host in dict.fromkeys(self.asked)
        ]


def failing_lines(declared: "Declared") -> dict[str, tuple[str, int]]:
    """Have the handlers note where they fail: the file and line, by the error as it will be reported."""
    lines: dict[str, tuple[str, int]] = {}
    for subscriptions in (declared.handlers, declared.gates, declared.topics):
        subscriptions[:] = [replace(each, run=_noting(each.run, lines)) for each in subscriptions]
    return lines


def _noting(run: Callable[..., Any], lines: dict[str, tuple[str, int]]) -> Callable[..., Any]:
    async def awaited(work: Any) -> Any:
        try:
            return await work
        except Exception as error:  # foreign code: noted, and raised again for whoever reports it
            _note(error, lines)
            raise

    def noting(*given: Any) -> Any:
        try:
            answer = run(*given)
        except Exception as error:  # foreign code, likewise
            _note(error, lines)
            raise
        return awaited(answer) if inspect.isawaitable(answer) else answer

    return noting


def _note(error: Exception, lines: dict[str, tuple[str, int]]) -> None:
    trace = error.__traceback__
    while trace is not None:
        if str(trace.tb_frame.f_globals.get("__name__", "")).startswith(_EXTENSION):
            lines[told(error)] = (trace.tb_frame.f_code.co_filename, trace.tb_lineno)
        trace = trace.tb_next
