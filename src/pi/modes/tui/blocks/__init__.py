"""Blocks: how messages, tools and notices look in the transcript."""
