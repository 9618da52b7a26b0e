"""Runs one program to its end and prints what it cost as JSON; small, so that its own size hides nothing.

    python -I -S launch.py OUTPUT_FILE PROGRAM [ARGUMENT ...]

A child's peak memory counts from its parent's at the moment of the start, so the bench, which is large, does
not start programs itself. `cpu` is user + system seconds of the program and of all descendants it waited
for; `rss` is the largest single process among them in MiB; `start` is on the monotonic clock.
"""

import json
import os
import sys
import time

output, program = sys.argv[1], sys.argv[2:]
start = time.monotonic()
child = os.posix_spawnp(
    program[0],
    program,
    os.environ,
    file_actions=[
        (os.POSIX_SPAWN_OPEN, 1, output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ],
)
_, status, usage = os.wait4(child, 0)
end = time.monotonic()
unit = 2**20 if sys.platform == "darwin" else 2**10  # macOS counts bytes, the others KiB
json.dump(
    {
        "start": start,
        "wall": end - start,
        "cpu": usage.ru_utime + usage.ru_stime,
        "rss": usage.ru_maxrss / unit,
        "code": os.waitstatus_to_exitcode(status),
    },
    sys.stdout,
)
