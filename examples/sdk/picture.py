"""What is in a picture, as data: for a model that can see.

python examples/sdk/picture.py photo.jpg
"""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pi


@dataclass
class Picture:
    title: str
    alt_text: str
    people: int


if __name__ == "__main__":
    picture = pi.run_sync(
        "Describe this picture for somebody who can't see it.",
        images=[Path(sys.argv[1])],
        output_type=Picture,
        tools=[],
        model=os.environ.get("MODEL"),
    )
    print(f"{picture.title} ({picture.people} people)\n{picture.alt_text}")
