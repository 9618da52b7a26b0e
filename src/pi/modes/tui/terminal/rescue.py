"""The terminal stays usable, however Pi ends: by a fault, a signal, or killed without a good-bye.

What Pi changes of the terminal is undone on every way out of the process. For the ways that leave no time to
(SIGKILL, a fault of the interpreter) a watchdog process waits for Pi's end and undoes it then.
"""

import atexit
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

from pi.modes.tui.terminal.watchdog import Watchdog

try:
    import termios
except ImportError:  # Windows
    termios = None

_OFF = "".join(
    f"\x1b[?{mode}l" for mode in (2026, 1000, 1002, 1003, 1005, 1006, 1015, 1016, 2004, 1004, 2048, 2031, 1)
)
# A string is ended, modes are off, the Kitty keyboard is popped while its screen is there, then that is left.
RESTORE_SEQUENCE = (
    f"\x1b\\{_OFF}\x1b[<u\x1b[>4;0m\x1b>\x1b[?7h\x1b[?1049l\x1b[0m\x1b[0 q\x1b[?25h\x1b[23;0t\r"
)
_NAMES = ("SIGTERM", "SIGHUP", "SIGQUIT")

Handler = Callable[[int, FrameType | None], Any] | int | None


class Rescue:
    """Puts the terminal back. Make it before the terminal is changed, and before there are threads."""

    def __init__(self, *, watchdog: bool = True) -> None:
        self._terminal = _open_terminal()
        self._modes: Any = None
        if termios is not None and self._terminal >= 0:
            try:
                self._modes = termios.tcgetattr(self._terminal)
            except termios.error:
                pass
        self._armed = False
        self._quit: Callable[[int], None] | None = None
        self._crashed: Callable[[BaseException], None] | None = None
        self._signalled = False
        self._handlers: dict[int, Handler] = {}
        self._hook = sys.excepthook
        self._watchdog = Watchdog(self._terminal, RESTORE_SEQUENCE.encode()) if watchdog else None
        atexit.register(self.restore)

    def watch(self, quit: Callable[[int], None], crashed: Callable[[BaseException], None]) -> None:
        """Take signals and what nobody catches. Only the main thread may call this.

        On a signal, `quit` is called with the exit code, to end in order; a second signal and SIGQUIT end
        at once. `crashed` is called with an exception that ends Pi, when the terminal is back.
        """
        self._quit, self._crashed = quit, crashed
        sys.excepthook = self._unexpected
        for name in _NAMES:
            if (number := getattr(signal, name, None)) is not None:
                self._handlers[number] = signal.signal(number, self._signal)

    def arm(self) -> None:
        """The terminal is changed now: from here on it is put back whatever happens."""
        self._armed = True
        if self._watchdog is not None:
            self._watchdog.arm()

    def disarm(self) -> None:
        """The terminal is as it was, for a while or for good."""
        self._armed = False
        if self._watchdog is not None:
            self._watchdog.disarm()

    def restore(self) -> None:
        """Put the terminal back, if it is changed; it may be called from everywhere, and again."""
        if not self._armed:
            return
        self.disarm()
        try:
            os.write(self._terminal, RESTORE_SEQUENCE.encode())
        except OSError:
            pass  # it is gone, or takes nothing: there is nothing to put back
        if termios is not None and self._modes is not None:
            try:
                termios.tcsetattr(self._terminal, termios.TCSANOW, self._modes)
            except termios.error:
                pass

    def close(self) -> None:
        """All is well: put back what isn't, and watch no more."""
        self.restore()
        atexit.unregister(self.restore)
        for number, handler in self._handlers.items():
            if signal.getsignal(number) == self._signal:
                signal.signal(number, handler if handler is not None else signal.SIG_DFL)
        self._handlers = {}
        if sys.excepthook == self._unexpected:
            sys.excepthook = self._hook
        if self._watchdog is not None:
            self._watchdog.close()
        if self._terminal >= 0:
            os.close(self._terminal)
            self._terminal = -1

    def _signal(self, number: int, frame: FrameType | None) -> None:
        if self._quit is not None and not self._signalled and number != getattr(signal, "SIGQUIT", None):
            self._signalled = True
            self._quit(128 + number)
            return
        self.restore()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def _unexpected(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        self.restore()
        if self._crashed is not None and isinstance(error, Exception):
            self._crashed(error)
        else:
            self._hook(kind, error, trace)


def _open_terminal() -> int:
    """A descriptor of its own, that never blocks: whoever cleans up must not wait for a stopped terminal."""
    flags = (
        os.O_RDWR | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    )
    for number in (0, 1, 2):
        try:
            return os.open(os.ttyname(number), flags)
        except (OSError, AttributeError):  # no terminal, or no such function on Windows
            continue
    try:
        return os.dup(1)
    except OSError:
        return -1
