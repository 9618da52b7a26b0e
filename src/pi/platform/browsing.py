"""Opening a page in people's own browser; where there is none, they open it themselves."""

import os
import sys


def open_page(url: str) -> bool:
    """Have the browser open a page, without waiting for it; False where there is no browser to ask.

    Only http and https: any other address would start a program of this machine.
    """
    if not url.lower().startswith(("https://", "http://")) or not _has_browser():
        return False
    import threading
    import webbrowser

    # it may wait until a browser that it has started ends
    threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
    return True


def _has_browser() -> bool:
    """Without a screen, a browser of the terminal would take it away from us."""
    if sys.platform in ("win32", "darwin"):
        return True
    return any(os.environ.get(name) for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"))
