"""A process that waits for Pi's end and puts the terminal back if Pi couldn't."""

import gc
import os
import signal
import struct
import sys
import threading
from typing import Any

try:
    import termios
except ImportError:  # Windows
    termios = None

_ARM, _DISARM, _BYE = b"a", b"d", b"b"
_WORD = struct.Struct("c4I")  # a word, and the terminal's flags
_SIGNALS = (
    {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGTTOU, signal.SIGTTIN, signal.SIGTSTP}
    if sys.platform != "win32"
    else set[signal.Signals]()
)


class Watchdog:
    """Forks as soon as it is made. It costs about a millisecond and the few pages that it changes.

    It does nothing where there is no fork or no terminal, or where threads make a fork unsafe.
    """

    def __init__(self, terminal: int, sequence: bytes) -> None:
        """`terminal` is a descriptor of it, in the modes to put back; `sequence` is written to it."""
        self._pipe, self._child, self._terminal = -1, 0, terminal
        if termios is None or sys.platform == "win32" or terminal < 0 or threading.active_count() > 1:
            return
        try:
            modes: Any = termios.tcgetattr(terminal)
            reader, writer = os.pipe()
        except (termios.error, OSError):
            return
        gc.freeze()  # what is there already is not looked at in the child, so its pages stay shared
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)  # until the child ignores them
        try:
            child = os.fork()
        except OSError:  # too many processes
            child = -1
        if child == 0:
            try:
                _watch(reader, writer, terminal, modes, sequence)
            finally:
                os._exit(0)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        gc.unfreeze()
        os.close(reader)
        if child < 0:
            os.close(writer)
            return
        self._pipe, self._child = writer, child

    @property
    def pid(self) -> int:
        """The process that watches; 0 when there is none."""
        return self._child

    def arm(self) -> None:
        """The terminal is changed now, to modes that only Pi sets: only these are put back later."""
        self._say(_ARM)

    def disarm(self) -> None:
        """The terminal is as it was."""
        self._say(_DISARM)

    def close(self) -> None:
        """Nothing is to be watched any more."""
        if self._pipe < 0:
            return
        self._say(_BYE)
        os.close(self._pipe)
        self._pipe = -1
        try:
            os.waitpid(self._child, 0)
        except ChildProcessError:  # somebody has waited for all children
            pass
        self._child = 0

    def _say(self, word: bytes) -> None:
        if self._pipe < 0 or termios is None:
            return
        try:
            flags = termios.tcgetattr(self._terminal)[:4] if word == _ARM else (0, 0, 0, 0)
            os.write(self._pipe, _WORD.pack(word, *flags))
        except (OSError, termios.error):  # the watchdog was killed, or the terminal is gone
            pass


def _watch(reader: int, writer: int, terminal: int, modes: Any, sequence: bytes) -> None:
    """Wait until Pi says good-bye or is gone, in a session that no signal of a job reaches."""
    assert termios is not None
    gc.disable()
    os.setsid()
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    os.close(writer)
    _keep_only(reader, terminal)
    word, changed = _DISARM, [0]
    while data := os.read(reader, _WORD.size):
        word, *changed = _WORD.unpack(data)
    if word != _ARM:
        return
    # A shell that was faster has modes of its own by now.
    if termios.tcgetattr(terminal)[:4] == changed:
        termios.tcsetattr(terminal, termios.TCSANOW, modes)
    os.write(terminal, sequence)


def _keep_only(*kept: int) -> None:
    """Close all others, so that nobody who reads from Pi waits for this process."""
    low = 0
    for number in sorted(kept):
        os.closerange(low, number)
        low = number + 1
    os.closerange(low, 1024)
