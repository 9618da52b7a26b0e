"""What installed extensions add to the start of `pi -p`, up to its request: `python3 bench/extensions.py`.

Each home has 0, 1, 10 or 50 generated extensions of some 70 lines: two tools, a command, a flag, a setting,
four handlers. The homes run in turn; "cold" forgets the compiled code of the extensions before each run.
"""

import argparse
import shutil
import statistics
import tempfile
from pathlib import Path

from peers import PEERS
from run import given
from runner import RunError, Runner
from scenarios import Scenario
from server import ScriptedServer

COUNTS = (0, 1, 10, 50)
BUDGET_MS = 30  # for 50 of them, warm
ONESHOT = Scenario("oneshot", "print", requests=1)
Times = dict[str, list[tuple[float, float]]]  # by home: ms to the request, ms of CPU
EXTENSION = '''"""Looks after the {name} of a project."""

import json
import re
from pathlib import Path
from typing import Annotated, Literal

from pi.ext import Block, Ctx, ExtensionAPI, Note, ToolError

WORDS = re.compile(r"\\w+")
KINDS = ("red", "green", "blue")


def extension(pi: ExtensionAPI) -> None:
    loud = pi.flag("{name}-loud", False, "Say more")
    most = pi.setting("most", 20, "How many are shown")
    seen = pi.state("seen", 0)
    names: list[str] = []

    @pi.tool
    async def {name}_find(
        query: Annotated[str, "What to look for"],
        kind: Literal["red", "green", "blue"] = "red",
        limit: Annotated[int, "How many"] = 10,
        *,
        ctx: Ctx,
    ) -> str:
        """Find what the project has of this."""
        found = [name for name in names if query in name][: min(limit, most.get())]
        if not found:
            raise ToolError("Nothing was found. Try a shorter query.")
        seen.set(ctx, seen.get(ctx) + len(found))
        return "\\n".join(f"{{kind}} {{name}}" for name in found)

    @pi.tool
    async def {name}_add(
        path: Annotated[str, "The file"], lines: Annotated[list[str], "Its lines"], *, ctx: Ctx
    ) -> str:
        """Add something to the project's own."""
        target = Path(ctx.cwd, path)
        if not target.exists():
            raise ToolError(f"There is no {{path}}.")
        names.extend(word for line in lines for word in WORDS.findall(line))
        return json.dumps({{"added": len(lines)}})

    @pi.command("{name}", "Show what there is")
    async def show(args: str, ctx: Ctx) -> None:
        shown = [name for name in names if args in name]
        ctx.ui.notify("\\n".join(shown) or "Nothing")
        if loud.get():
            await ctx.send(Note("{name}", ", ".join(shown)))

    @pi.on("session_start")
    async def start(event, ctx: Ctx) -> None:
        names.clear()
        for kind in KINDS:
            names.append(f"{name} {{kind}}")

    @pi.on("tool_call")
    def guard(event, ctx: Ctx):
        if event.tool_name == "bash" and "{name} --force" in str(event.arguments):
            return Block("Not by force.")
        return None

    @pi.on("turn_end")
    def count(event, ctx: Ctx) -> None:
        if loud.get():
            ctx.ui.status(f"{name}: {{len(names)}}")

    @pi.on("session_shutdown")
    def end(event, ctx: Ctx) -> None:
        names.clear()
'''


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ours", required=True, metavar="CMD", help="the `pi` to measure")
    parser.add_argument("--runs", type=int, default=15, help="counted runs (default %(default)s)")
    options = parser.parse_args()
    peer = next(peer for peer in PEERS if peer.name == "ours")
    program = given(options.ours)
    times: Times = {}
    with tempfile.TemporaryDirectory(prefix="pi-bench-") as root, ScriptedServer() as server:
        homes = {}
        for count in COUNTS:
            for state in ("warm", "cold")[: 2 if count else 1]:
                runner = Runner(peer, program, Path(root, f"{count}-{state}"), server, 60)
                write(runner.home / "agent" / "extensions", count)
                homes[f"{count} {state}"] = runner
        for turn in range(-2, options.runs):
            for name, runner in list(homes.items())[:: -1 if turn % 2 else 1]:
                if name.endswith("cold"):
                    shutil.rmtree(runner.home / "agent" / "cache", ignore_errors=True)
                sample = runner.run(ONESHOT)
                if sample.tools_chars < int(name.split()[0]) * 500:
                    raise RunError(f"{name}: the tools of the extensions are not in the request")
                if turn >= 0:
                    times.setdefault(name, []).append((sample.first_request * 1000, sample.cpu * 1000))
    report(times)


def write(folder: Path, count: int) -> None:
    if count:
        folder.mkdir(parents=True)
    for number in range(count):
        (folder / f"thing{number}.py").write_text(EXTENSION.format(name=f"thing{number}"))


def report(times: Times) -> None:
    """Milliseconds to the request and of CPU for the whole run, and how many more than without extensions."""
    medians = {
        name: tuple(map(statistics.median, zip(*values, strict=True))) for name, values in times.items()
    }
    wall0, cpu0 = medians["0 warm"]
    print("| extensions | to the request, ms | more | CPU of the run, ms | more |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, (wall, cpu) in medians.items():
        print(f"| {name} | {wall:.1f} | {wall - wall0:+.1f} | {cpu:.1f} | {cpu - cpu0:+.1f} |")
    print(f"\nThe budget for 50 warm ones is {BUDGET_MS} ms more to the request.")


if __name__ == "__main__":
    main()
