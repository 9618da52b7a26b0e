"""Themes: colours by role, from files, the terminal, or built in."""
