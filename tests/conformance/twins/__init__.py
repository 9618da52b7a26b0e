"""The Python twins of the extensions that recordings load."""
