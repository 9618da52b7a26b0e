"""Recordings that ours may not equal, each with the reason; patterns are matched against GROUP/SCENARIO."""

# What the recording shows can't or must not be equal.
DIFFERS = {
    "cli/version-help": "prints the version, which is ours",
    "models/bad-models-json": "the sentence about the broken file is ours, with line and column",
    "*/parallel-tools-fail": "tools that run together end as they finish: ours writes a file before a shell "
    "has started, the original after it has ended",
    "rpc/stdin-close": "0.87.1 loses a first prompt when stdin ends before the answer; later versions and "
    "ours save it",
    "tools/image-resize": "a resized image's bytes are the encoder's; test_images compares its size and note",
}

# What is not there yet.
NOT_YET: dict[str, str] = {}

# Recordings that a busy machine may change, in the original as in ours: one of three tries has to be equal.
RACES = {
    "tools/grep-find-ls": "which of several files ripgrep's threads report first, when a limit stops them",
}
