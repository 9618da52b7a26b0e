"""Pictures of what is said and done: messages, tools, the line that works, notices, search, selection."""

from pi.agent import events
from pi.harness import events as told
from pi.harness.extensions.api import ExtensionAPI
from pi.harness.storage.entries import BashExecutionMessage
from pi.llm.messages import ToolCall
from pi.modes.tui.blocks.notice import MarkdownBlock
from pi.modes.tui.frame import compose
from pi.sdk import ExtensionChoice
from tests.modes.tui.screens.shot import ASCII, DARK, LARGE, LIGHT, NARROW, PLAIN, SMALL, SYSTEM, Shot
from tests.modes.tui.screens.talk import (
    AT,
    answer,
    begin,
    calls,
    prints,
    result,
    runs,
    starts,
    tell,
    user,
    writes,
)
from tests.modes.tui.world import World

PROSE = """\
The cache never forgets: `Cache.get` adds what it has made, and **nothing** takes it out again.

## What to do

1. Keep at most `size` entries.
2. Drop the one that was *used* longest ago, as in [LRU](https://example.com/lru).

```python
def get(self, key: str) -> Value:
    if key not in self._kept:
        self._kept[key] = self._make(key)
    self._kept.move_to_end(key)
    return self._kept[key]
```

| Entries | Memory | Hits |
|--------:|-------:|:----:|
|     100 |   4 MB | 71 % |
|   1,000 |  38 MB | 96 % |

> More than 1,000 gains little.
"""
THOUGHT = (
    "The user wants less memory. The cache is an OrderedDict, so move_to_end is cheap. "
    "I should measure how many hits are lost before I choose a size."
)
DIFF = """\
 21     def get(self, key: str) -> Value:
 22         if key not in self._kept:
-23             self._kept[key] = self._make(key)
+23             self._kept[key] = self._made(key)
+24             if len(self._kept) > self.size:
+25                 self._kept.popitem(last=False)
+26         self._kept.move_to_end(key)
 27         return self._kept[key]
    ..."""
TESTS = "\n".join(f"tests/test_cache.py::test_{number} PASSED" for number in range(1, 13))
FILES = {
    "shop/AGENTS.md": "# Rules\n",
    "shop/cart.py": "",
    "shop/cache.py": "",
    "shop/tests/test_cache.py": "",
    ".pi/agent/prompts/review.md": "---\ndescription: Look at a change with fresh eyes\n---\nReview $1\n",
    ".pi/agent/prompts/release.md": "---\ndescription: Write the notes of a release\n---\nNotes\n",
    ".pi/agent/skills/pdf/SKILL.md": "---\nname: pdf\ndescription: Read and make PDF files\n---\nUse it.\n",
    ".pi/agent/skills/charts/SKILL.md": "---\nname: charts\ndescription: Draw charts\n---\nUse it.\n",
}
CALM = {"quietStartup": True}


def footer(pi: ExtensionAPI) -> None:
    """An extension with a segment of the footer."""

    @pi.footer("todo")
    def segment(ctx: object) -> str:
        return "3 of 5 tasks"


async def fresh(world: World) -> None:
    """Nothing was said yet."""


async def prose(world: World) -> None:
    begin(world, user("Why does the *cache* need so much memory?"), answer(PROSE), name="A smaller cache")


async def thinking(world: World) -> None:
    begin(world, user("Make the cache smaller."), answer("I measure first.", thinking=THOUGHT))


async def thinking_hidden(world: World) -> None:
    await thinking(world)
    world.interface.change_look(thinking=False)


async def tools(world: World) -> None:
    begin(
        world,
        user("Look around, and run the tests."),
        answer(
            "",
            ToolCall("1", "read", {"path": "cache.py", "offset": 20, "limit": 8}),
            ToolCall("2", "bash", {"command": "pytest -q tests/test_cache.py"}),
            ToolCall("3", "grep", {"pattern": "_kept", "path": "."}),
        ),
        result("1", "read", "def get(self, key: str) -> Value:\n    return self._kept[key]"),
        result("2", "bash", TESTS),
        result("3", "grep", "grep: no such folder: src", failed=True),
    )


async def tools_open(world: World) -> None:
    await tools(world)
    world.interface.change_look(expanded=True)


async def tools_other(world: World) -> None:
    begin(
        world,
        answer(
            "",
            ToolCall("1", "write", {"path": "notes.md", "content": "# Notes\n\nA cache of 1,000 entries.\n"}),
            ToolCall("2", "ls", {"path": "tests"}),
            ToolCall("3", "weather", {"place": "Bern", "days": 2}),
            ToolCall("4", "bash", {"command": "make release"}),
        ),
        result("1", "write", "Successfully wrote 38 bytes to notes.md"),
        result("2", "ls", "__init__.py\ntest_cache.py\ntest_cart.py"),
        result("3", "weather", '{"today": "sunny", "tomorrow": "rain"}'),
        result("4", "bash", "make: *** No rule to make target\n\nCommand exited with code 2", failed=True),
    )


async def diff(world: World) -> None:
    begin(
        world,
        user("Do it."),
        answer("", ToolCall("1", "edit", {"path": "cache.py", "edits": []})),
        result("1", "edit", "Successfully replaced 1 block(s) in cache.py.", diff=DIFF),
        answer("The cache keeps at most `size` entries now."),
    )


async def running(world: World) -> None:
    begin(world, user("Measure how many hits are lost."))
    tell(world, events.AgentStart(), starts())
    tell(world, writes("text_delta", "I run the benchmark with **three** sizes"))
    tell(world, *calls("1", "bash", '{"command": "python bench.py --size 100'))
    tell(world, runs("1", "bash", command="python bench.py --size 100 1000 10000"))
    tell(world, prints("1", "bash", "size 100: 71 %\nsize 1000: 96 %\n"))
    world.interface.held += [("Leave out 10000", True), ("Then write it down\nin notes.md", False)]
    world.interface.show_waiting()
    world.later(73.3)


async def retry(world: World) -> None:
    begin(world, user("Go on."), answer(stop="error", error="Overloaded"))
    tell(world, events.AgentStart(), told.AutoRetryStart(2, 3, 8000, "529 Overloaded"))
    world.later(3.3)


async def compaction(world: World) -> None:
    begin(world, user("Why does the cache need so much memory?"), answer("It never forgets."))
    summary = "## Goal\n\nA smaller cache.\n\n## Done\n\n- measured three sizes"
    done = told.CompactionResult(summary, "x", 142_000, 9_000)
    tell(world, told.CompactionStart("threshold"), told.CompactionEnd("threshold", done))
    tell(world, told.CompactionStart("manual"))
    world.interface.held.append(("Go on with the tests", True))
    world.interface.show_waiting()
    world.later(4.3)


async def shell(world: World) -> None:
    begin(
        world,
        BashExecutionMessage("git status --short", " M cache.py\n?? notes.md\n", False, False, AT, 0),
        BashExecutionMessage("make", "make: no target", False, False, AT, 2, exclude_from_context=True),
    )
    world.editor.text = "!make test"


async def notices(world: World) -> None:
    begin(world, user("Hello"), answer("Hello!"), answer("As I", stop="aborted"))
    world.interface.notify("Model: anthropic/claude-sonnet-4-5 • thinking medium")
    world.interface.notify("keybindings.json: there is no action app.fly.", "warning")
    world.interface.notify("401: the key is wrong.\nLog in with /login, or choose another model.", "error")
    world.interface.show(MarkdownBlock("- **File** not saved\n- **Messages** 3", "Session"))
    world.interface.flash("copied")


async def cut_off(world: World) -> None:
    begin(
        world,
        user("Write a very long text."),
        answer("It was a dark and stormy night", stop="length"),
        answer(stop="error", error="400 The prompt is too long: 212,000 tokens of 200,000"),
    )


async def search(world: World) -> None:
    await prose(world)
    world.press("ctrl+shift+f", "'cache")


async def selection(world: World) -> None:
    await prose(world)
    mouse = world.wired.mouse.at(compose(world.interface, *world.size))
    mouse.down(10, 4, 1)
    mouse.drag(24, 6)


async def scrolled(world: World) -> None:
    await prose(world)
    world.interface.transcript.to_top()


async def writing(world: World) -> None:
    world.editor.text = "Look at cache.py:\n\n- how often is it asked?\n- " + "what does it keep, and " * 5


async def extension(world: World) -> None:
    begin(world, user("Go on."), answer("I go on."))
    world.interface.set_widget("todo", ["Tasks", "  ✓ measure", "  • choose a size"], "above_editor")
    world.interface.set_widget("hint", ["ctrl+t shows all tasks"], "below_editor")
    world.interface.set_status("branch", "main ✓")
    world.interface.set_working("Thinking hard")
    tell(world, events.AgentStart())
    world.later(2.3)


async def long_names(world: World) -> None:
    begin(world, user("你好，世界 👋🏽 é"), answer("Wide: 漢字"), name="A very long name of a session " * 6)


async def commands(world: World) -> None:
    world.press("'/")
    await world.until(lambda: world.editor.completing)


async def arguments(world: World) -> None:
    world.press("'/thinking ")
    await world.until(lambda: world.editor.completing)


async def files(world: World) -> None:
    world.press("'Look at @ca")
    await world.until(lambda: world.editor.completing)


async def paths(world: World) -> None:
    world.press("'Look at ./", "tab")
    await world.until(lambda: world.editor.completing)


SHOTS = (
    Shot("fresh", fresh, (SMALL, LARGE, NARROW), (DARK, LIGHT, SYSTEM), {"files": FILES, "settings": {}}),
    Shot("prose", prose, (LARGE, SMALL, NARROW), (DARK, LIGHT, SYSTEM, PLAIN, ASCII)),
    Shot("thinking", thinking),
    Shot("thinking-hidden", thinking_hidden),
    Shot("tools", tools, (LARGE, SMALL, NARROW), (DARK, LIGHT, SYSTEM, PLAIN, ASCII)),
    Shot("tools-open", tools_open, (LARGE,)),
    Shot("tools-other", tools_other, (LARGE,)),
    Shot("diff", diff, (SMALL,), (DARK, LIGHT, PLAIN)),
    Shot("running", running, (SMALL, NARROW), (DARK, ASCII)),
    Shot("retry", retry),
    Shot("compaction", compaction),
    Shot("shell", shell),
    Shot("notices", notices),
    Shot("cut-off", cut_off),
    Shot("search", search, (SMALL,), (DARK, PLAIN)),
    Shot("selection", selection, (SMALL,), (DARK, PLAIN)),
    Shot("scrolled", scrolled),
    Shot("writing", writing, (SMALL, NARROW)),
    Shot(
        "extension",
        extension,
        options={"extensions": ExtensionChoice((), (footer,), find=False), "settings": CALM},
    ),
    Shot("long-names", long_names, (SMALL, NARROW)),
    Shot("commands", commands, (SMALL, LARGE, NARROW)),
    Shot("arguments", arguments, options={"reasoning": True}),
    Shot("files", files, options={"files": FILES, "settings": CALM}),
    Shot("paths", paths, options={"files": FILES, "settings": CALM}),
)
