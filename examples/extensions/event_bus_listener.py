"""The other half of two extensions that talk: it hears "command:done" and keeps a score in the footer.

    pi -e examples/extensions/event_bus_sender.py -e examples/extensions/event_bus_listener.py

Data from the bus is foreign: it is looked at before it is used.
"""

from typing import Any

from pi.ext import Ctx, ExtensionAPI


def extension(pi: ExtensionAPI) -> None:
    good = bad = 0

    @pi.listen("command:done")
    def heard(data: Any, ctx: Ctx) -> None:
        nonlocal good, bad
        match data:
            case {"command": str(command), "ok": bool(ok)}:
                good, bad = good + ok, bad + (not ok)
                ctx.ui.status(f"✓ {good} ✗ {bad}")
                if not ok:
                    ctx.ui.notify(f"Failed: {command}", "warning")
            case _:
                pass  # from another extension that uses the topic in its own way
