"""A shell that outlives Pi for a moment: should Pi be killed, it kills what Pi was running."""

import atexit
import os
import subprocess
from collections.abc import Callable, Iterable

# A group's process id is also that of its session. Where there is no /proc, what left the group lives on.
_SCRIPT = """
while read -r line; do live=$line; done
[ "$live" ] || exit 0
for group in $live; do kill -STOP "-$group"; done # so that nothing new appears while we look
family=" $live "
more=yes
while [ "$more" ]; do
    more=
    for file in /proc/[0-9]*/stat; do
        read -r stat < "$file" || continue
        pid=${stat%% *}
        case $family in *" $pid "*) continue ;; esac
        set -- ${stat##*) }
        case $family in *" $2 "* | *" $4 "*) family="$family$pid " more=yes ;; esac
    done
done
for group in $live; do kill -9 "-$group"; done
kill -9 $family
"""


class Guard:
    """One `/bin/sh` for the life of Pi: it reads the live groups from a pipe and waits for the pipe's end.

    `at_exit` is called first when Pi ends by itself. Raises OSError where there is no /bin/sh.
    """

    def __init__(self, at_exit: Callable[[], None]) -> None:
        self._owner = os.getpid()
        self._at_exit = at_exit
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _SCRIPT],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,  # out of reach of the terminal's signals
        )
        atexit.register(self._close)

    def tell(self, groups: Iterable[int]) -> None:
        """These run now, and no others."""
        assert self._process.stdin
        try:
            os.write(self._process.stdin.fileno(), f"{' '.join(map(str, groups))}\n".encode())
        except BrokenPipeError:
            pass  # somebody killed it; commands run as well without

    def _close(self) -> None:
        if os.getpid() == self._owner:  # a fork of Pi ends without ending Pi's commands
            self._at_exit()
            self._process.communicate()
