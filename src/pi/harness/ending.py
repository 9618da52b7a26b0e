"""How a mode that serves somebody ends: told to, by a signal, or at once by a second one."""

import asyncio
import os
import signal

from pi.platform.process import kill_all

BROKEN_PIPE = 128 + 13
_SIGNALS = ("SIGTERM", "SIGHUP", "SIGINT")  # not all of them are known everywhere


class Ending:
    """`code` is the exit code, once there is one: the first counts."""

    def __init__(self) -> None:
        self.code: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._signals = 0

    def watch_signals(self) -> None:
        """A signal asks for the end; a second one doesn't wait for it, and leaves no orphans."""
        loop = asyncio.get_running_loop()
        for name in _SIGNALS:
            if number := getattr(signal, name, None):
                try:
                    loop.add_signal_handler(number, self._signalled, int(number))
                except NotImplementedError:  # Windows: Ctrl+C cancels everything as asyncio does it
                    return

    def stop(self, code: int) -> None:
        """End with this exit code, unless the end has begun."""
        if not self.code.done():
            self.code.set_result(code)

    def _signalled(self, number: int) -> None:
        self._signals += 1
        if self._signals > 1:
            kill_all()
            os._exit(128 + number)
        self.stop(128 + number)
