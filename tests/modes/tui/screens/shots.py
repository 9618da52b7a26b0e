"""All pictures."""

from tests.modes.tui.screens import choices, talks

SHOTS = (*talks.SHOTS, *choices.SHOTS)
