"""The blocks of the transcript."""
