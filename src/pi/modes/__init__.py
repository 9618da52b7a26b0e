"""Layer 5, ways to show a session: each mode is a subscriber, one file or folder each."""
