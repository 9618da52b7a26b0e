"""JSON mode: the session's header, then every event, one JSON object a line on stdout."""

from collections.abc import Callable
from typing import Any

import msgspec

from pi.harness.events import ExtensionFailed
from pi.harness.storage.store import Store
from pi.platform.terminal import write_all

_encoder = msgspec.json.Encoder()


def write_header(store: Store) -> None:
    """The first line: which session this is."""
    write_all(1, store.header_line + b"\n")


def json_listener(closed: Callable[[], None]) -> Callable[[Any], None]:
    """A subscriber that writes events; when nobody reads any more it calls `closed` once and falls silent."""
    silent = False

    def write(event: Any) -> None:
        nonlocal silent
        if silent or isinstance(event, ExtensionFailed):  # that one is for stderr: see Session.warnings
            return
        try:
            write_all(1, _encoder.encode(event) + b"\n")
        except BrokenPipeError:
            silent = True
            closed()

    return write
