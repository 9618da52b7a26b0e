"""`pi demo`: a scripted model, honestly named so, does a small real job with the real tools."""

import asyncio
import difflib
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pi.agent.events import MessageEnd, ToolExecutionEnd, ToolExecutionStart
from pi.llm.messages import AssistantMessage, Text, ToolResultMessage, content_text
from pi.platform.errors import PiError
from pi.platform.terminal import plain, say, write_all
from pi.testing import Asked, Reply, ScriptedModel, call, make_session

PROMPT = "The test fails. Find the bug, fix it, and show me that the test passes."
FILES = {
    "cart.py": '''"""Prices of a shopping cart, in cents."""


def total(prices, discount=0):
    """The sum of the prices, less a discount in percent."""
    full = sum(prices)
    return full - full * discount
''',
    "test_cart.py": """import unittest

from cart import total


class TotalTest(unittest.TestCase):
    def test_without_discount(self):
        self.assertEqual(total([250, 750]), 1000)

    def test_a_tenth_off(self):
        self.assertEqual(total([250, 750], discount=10), 900)


if __name__ == "__main__":
    unittest.main()
""",
}
BUG = "    return full - full * discount\n"
FIX = "    return full - full * discount // 100\n"
HELP = """Usage: pi demo [--keep]

A scripted model (no AI: it plays a fixed script) does a small real job with Pi's real tools in a temporary
folder: it runs a failing test, finds the bug, mends it and runs the test again. No key, no network.

  --keep   leave the folder, with the session file in it"""


def main(words: Sequence[str]) -> int:
    """Run the demo; the result is the exit code: 0 when the test passes at the end."""
    if unknown := [word for word in words if word not in ("--keep", "--help", "-h")]:
        say(f"Error: pi demo doesn't know {unknown[0]}.\n\n{HELP}")
        return 1
    if "--help" in words or "-h" in words:
        print(HELP)
        return 0
    folder = Path(tempfile.mkdtemp(prefix="pi-demo-"))
    try:
        return asyncio.run(_demo(folder, keep="--keep" in words))
    except PiError as error:
        say(f"Error: {error}")
        return 1
    finally:
        if "--keep" not in words:
            shutil.rmtree(folder, ignore_errors=True)


async def _demo(folder: Path, *, keep: bool) -> int:
    from pi.harness.store import Store
    from pi.tools.bash import bash_tool
    from pi.tools.edit import edit_tool
    from pi.tools.read import read_tool

    project = folder / "shop"
    project.mkdir()
    for name, text in FILES.items():
        (project / name).write_text(text, encoding="utf-8")
    run_test = shlex.join([sys.executable, "-B", "-m", "unittest", "-q"])
    scripted = ScriptedModel(
        _with_text("I run the test first.", call("bash", command=run_test)),
        _with_text("A tenth off gives far too little. I look at the code.", call("read", path="cart.py")),
        _with_text(
            "`discount` is a percentage, but it is used as a factor. I mend that.",
            call("edit", path="cart.py", edits=[{"oldText": BUG, "newText": FIX}]),
        ),
        _with_text("Now the test again.", call("bash", command=run_test)),
        _summary,
    )
    store = Store.create(project, directory=folder / "sessions")
    session = make_session(scripted, cwd=project, tools=(read_tool(), bash_tool(), edit_tool()), store=store)
    _say("Pi demo: the model is scripted (no AI, no key, no network); the tools, files and session are real.")
    _say(f"Folder: {project}\n\nYou: {PROMPT}")
    session.subscribe(_show)
    await session.prompt(PROMPT)
    _say("\nThe change:\n")
    _say(_diff(project / "cart.py"))
    if keep:
        _say(f"\nKept: {project}\nSession: {store.path}")
    _say("\nWith a model of your own:  pi -p 'your prompt'   (pi -p says how to set a key)")
    return 0 if _passed(session.messages) else 1


def _with_text(text: str, reply: Reply) -> Reply:
    return Reply(text=text, calls=reply.calls)


def _summary(asked: Asked) -> Reply:
    """The script's last line depends on what the test really said."""
    if _passed(asked.context.messages):
        return Reply("Both tests pass. `total` took the discount as a factor; it is divided by 100 now.")
    return Reply("The test still fails. That shouldn't happen: please report it.")


def _passed(messages: Sequence[Any]) -> bool:
    results = [message for message in messages if isinstance(message, ToolResultMessage)]
    return bool(results) and not results[-1].is_error and "OK" in content_text(results[-1].content)


def _show(event: Any) -> None:
    match event:
        case MessageEnd(AssistantMessage() as message):
            for block in message.content:
                if isinstance(block, Text):
                    _say(f"\nPi: {block.text}")
        case ToolExecutionStart(tool_name=name, args=args):
            shown = args.get("command") or args.get("path") or ""
            _say(f"  [{name}] {shown}")
        case ToolExecutionEnd(result=result):
            for line in content_text(result.content).strip().splitlines()[-8:]:
                _say(f"    | {line}")
        case _:
            pass


def _diff(path: Path) -> str:
    before, after = FILES[path.name], path.read_text(encoding="utf-8")
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), f"a/{path.name}", f"b/{path.name}", lineterm=""
    )
    return "\n".join(lines)


def _say(text: str) -> None:
    write_all(1, (plain(text) + os.linesep).encode("utf-8", "replace"))
