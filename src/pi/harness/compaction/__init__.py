"""Compaction: old messages give way to a summary when the conversation outgrows the model's window."""
