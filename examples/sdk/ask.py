"""One question and its answer, in a program without an event loop.

    python examples/sdk/ask.py "What does this project do?"

Set MODEL to choose a model, such as anthropic/claude-sonnet-4-5; without it, it is the one that `pi` would
use. The same holds for all programs in this folder.
"""

import os
import sys

import pi

if __name__ == "__main__":
    question = " ".join(sys.argv[1:]) or "What does this project do?"
    print(pi.run_sync(question, model=os.environ.get("MODEL")))
