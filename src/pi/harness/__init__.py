"""Layer 3, the harness around the loop: sessions, settings, context files and the system prompt."""
