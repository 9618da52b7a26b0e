"""Reviews files side by side; what comes back are values, not text.

    python examples/sdk/review.py src/*.py

It ends with 1 when a file has a bug.
"""

import asyncio
import os
import sys
from typing import Literal

import msgspec

import pi


class Finding(msgspec.Struct):
    line: int
    kind: Literal["bug", "style"]
    text: str


async def review(path: str) -> list[Finding]:
    return await pi.run(
        f"Review {path}. Report what is wrong in it, or an empty list.",
        output_type=list[Finding],
        tools=["read"],
        model=os.environ.get("MODEL"),
    )


async def main(paths: list[str]) -> int:
    bugs = 0
    for path, findings in zip(paths, await asyncio.gather(*map(review, paths)), strict=True):
        for finding in findings:
            print(f"{path}:{finding.line}: {finding.kind}: {finding.text}")
            bugs += finding.kind == "bug"
    return 1 if bugs else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
