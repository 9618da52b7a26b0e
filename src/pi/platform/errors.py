"""The root of Pi's errors: each one says, in its text, what to do next."""


class PiError(Exception):
    """A failure that is not a bug of ours; `str(error)` is shown to people and models as it is."""


class ConfigError(PiError):
    """A file or flag of the user's can't be used; the text names it, and line and column where known."""
