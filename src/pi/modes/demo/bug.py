"""The first demo: a failing test is run, its bug found and mended, the test run again."""

import difflib
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pi.llm.messages import ToolResultMessage, content_text
from pi.modes.demo.stage import show, show_event, with_text
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


async def mend_a_bug(folder: Path, *, keep: bool) -> int:
    """Play it; the result is the exit code: 0 when the test passes at the end."""
    from pi.harness.storage.store import Store
    from pi.tools.bash import bash_tool
    from pi.tools.edit import edit_tool
    from pi.tools.read import read_tool

    project = folder / "shop"
    project.mkdir()
    for name, text in FILES.items():
        (project / name).write_text(text, encoding="utf-8")
    run_test = shlex.join([sys.executable, "-B", "-m", "unittest", "-q"])
    scripted = ScriptedModel(
        with_text("I run the test first.", call("bash", command=run_test)),
        with_text("A tenth off gives far too little. I look at the code.", call("read", path="cart.py")),
        with_text(
            "`discount` is a percentage, but it is used as a factor. I mend that.",
            call("edit", path="cart.py", edits=[{"oldText": BUG, "newText": FIX}]),
        ),
        with_text("Now the test again.", call("bash", command=run_test)),
        _summary,
    )
    store = Store.create(project, directory=folder / "sessions")
    session = make_session(scripted, cwd=project, tools=(read_tool(), bash_tool(), edit_tool()), store=store)
    show("Pi demo: the model is scripted (no AI, no key, no network); the tools, files and session are real.")
    show(f"Folder: {project}\n\nYou: {PROMPT}")
    session.subscribe(show_event)
    await session.prompt(PROMPT)
    show("\nThe change:\n")
    show(_diff(project / "cart.py"))
    if keep:
        show(f"\nKept: {project}\nSession: {store.path}")
    show("\nWith a model of your own:  pi -p 'your prompt'   (pi -p says how to set a key)")
    return 0 if _passed(session.messages) else 1


def _summary(asked: Asked) -> Reply:
    """The script's last line depends on what the test really said."""
    if _passed(asked.context.messages):
        return Reply("Both tests pass. `total` took the discount as a factor; it is divided by 100 now.")
    return Reply("The test still fails. That shouldn't happen: please report it.")


def _passed(messages: Sequence[Any]) -> bool:
    results = [message for message in messages if isinstance(message, ToolResultMessage)]
    return bool(results) and not results[-1].is_error and "OK" in content_text(results[-1].content)


def _diff(path: Path) -> str:
    before, after = FILES[path.name], path.read_text(encoding="utf-8")
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), f"a/{path.name}", f"b/{path.name}", lineterm=""
    )
    return "\n".join(lines)
