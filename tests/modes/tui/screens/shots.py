"""All pictures."""

from tests.modes.tui.screens import talks

SHOTS = talks.SHOTS
