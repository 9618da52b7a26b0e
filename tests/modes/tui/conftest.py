"""What tests of the terminal interface share."""

import pytest


@pytest.fixture
def terminal_clipboard(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is copied goes to the terminal, whatever programs there are."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "TMUX", "WSL_DISTRO_NAME", "WSL_INTEROP"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PI_CLIPBOARD_OSC52", "1")
