"""Pickers: lists of models, sessions, settings … to choose from."""
