"""Choosing models, levels, settings, themes, logins and trust."""
