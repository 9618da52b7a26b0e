"""Pictures of every screen, compared exactly; `python -m tests.modes.tui.screens` makes them anew."""
