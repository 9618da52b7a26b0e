"""Markdown as styled lines, also while it is still being written."""
