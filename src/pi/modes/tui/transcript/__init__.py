"""The transcript: blocks one below the other, scrolled, selected, searched."""
