"""Session files: their entries, how they are read and written, found, listed and searched."""
