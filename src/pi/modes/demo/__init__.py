"""`pi demo`: a scripted model, honestly named so, does a small real job with the real tools."""

import asyncio
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pi.platform.errors import PiError
from pi.platform.terminal import say

HELP = """Usage: pi demo [extension] [--keep]

A scripted model (no AI: it plays a fixed script) does a small real job with Pi's real tools in a temporary
folder: it runs a failing test, finds the bug, mends it and runs the test again. No key, no network.

  extension  another job: it writes a tool of its own, checks it, loads it and uses it, in one session
  --keep     leave the folder, with the session file in it"""


def main(words: Sequence[str]) -> int:
    """Run a demo; the result is the exit code: 0 when the job is done at the end."""
    if unknown := [word for word in words if word not in ("extension", "--keep", "--help", "-h")]:
        say(f"Error: pi demo doesn't know {unknown[0]}.\n\n{HELP}")
        return 1
    if "--help" in words or "-h" in words:
        print(HELP)
        return 0
    if "extension" in words:
        from pi.modes.demo.extension import extend_itself as demo
    else:
        from pi.modes.demo.bug import mend_a_bug as demo
    keep = "--keep" in words
    folder = Path(tempfile.mkdtemp(prefix="pi-demo-"))
    try:
        return asyncio.run(demo(folder, keep=keep))
    except PiError as error:
        say(f"Error: {error}")
        return 1
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
