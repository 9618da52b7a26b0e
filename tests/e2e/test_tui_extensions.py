"""What extensions show and ask in a real terminal; what they do wrong ends nothing."""

import json
import os
import time
from pathlib import Path

from tests.e2e.conftest import Terminals, World
from tests.e2e.tmux import editor

ASKS = """
from pi.ext import Field, Option

def extension(pi):
    @pi.command("ask", description="Ask everything")
    async def ask(args, ctx):
        answers = [
            await ctx.ui.select("Which fruit?", ["apple", "pear", "plum"]),
            await ctx.ui.confirm("Eat it?", "It is ripe."),
            await ctx.ui.input("Whose?", "a name"),
            await ctx.ui.form("More", [
                Field("size", "How large?", kind="select", options=(Option("small"), Option("large"))),
                Field("note", "Anything else?"),
            ]),
        ]
        ctx.ui.notify(f"answers: {answers}")
"""
SHOWS = """
def extension(pi):
    @pi.on("session_start")
    def began(event, ctx):
        ctx.ui.status("all is well", key="health")
        ctx.ui.widget(["a widget above"], key="up")
        ctx.ui.widget(["a widget below"], key="down", placement="below_editor")

    @pi.footer("beer")
    def beer(ctx):
        return "99 bottles"

    @pi.shortcut("ctrl+y", "Say that it was pressed")
    def pressed(ctx):
        ctx.ui.notify("ctrl+y was pressed")

    @pi.tool
    def weigh(thing: str) -> str:
        "Weigh a thing."
        return f"{thing}: 3 kg"

    @pi.render("tool", "weigh")
    def rendered(value, ctx):
        return ["rendered by the extension"]

    @pi.command("colour", description="Choose a colour", complete=lambda prefix, ctx: ["blue", "black"])
    def colour(args, ctx):
        ctx.ui.notify(f"colour: {args}")
        ctx.ui.widget(None, key="up")
"""
CUSTOM = """
def extension(pi):
    @pi.command("pick", description="A widget of its own")
    async def pick(args, ctx):
        def factory(done):
            from textual.widgets import Input
            class Name(Input):
                def on_input_submitted(self, event):
                    event.stop()
                    done(event.value)
            return Name(placeholder="type a name here")
        name = await ctx.ui.custom(factory, width=30, anchor="center middle")
        ctx.ui.notify(f"picked: {name}")
"""
BREAKS = """
def extension(pi):
    @pi.command("pick", description="A widget that fails")
    async def pick(args, ctx):
        def factory(done):
            from textual.widgets import Input
            class Broken(Input):
                def fail(self, where):
                    if where == args:
                        raise ValueError(f"fails in {where}")
                def on_mount(self):
                    self.fail("mount")
                def compose(self):
                    self.fail("compose")
                    return super().compose()
                def on_key(self, event):
                    self.fail("key")
                def render_line(self, y):
                    self.fail("render")
                    return super().render_line(y)
            if args == "factory":
                raise ValueError("fails in factory")
            return Broken(placeholder="type here")
        await ctx.ui.custom(factory, width=30)
"""
FAILS = """
def extension(pi):
    @pi.render("tool", "bash")
    def rendered(value, ctx):
        raise ValueError("can't draw")

    @pi.footer("bad")
    def bad(ctx):
        raise ValueError("can't count")

    @pi.shortcut("ctrl+y", "Fails")
    def pressed(ctx):
        raise ValueError("can't press")

    @pi.command("fail", description="Fails", complete=lambda prefix, ctx: 1 / 0)
    def fail(args, ctx):
        print("printed by an extension")
        raise ValueError("can't run")
"""

NOISE = """
import logging, os, subprocess, sys, threading

def extension(pi):
    @pi.footer("bad")
    def bad(ctx):
        return "foot\\x1b[2J\\x1b]0;stolen\\x07\\nnext row"

    @pi.render("tool", "bash")
    def rendered(value, ctx):
        return ["drawn \\x1b[1;1Hhere\\x1b[2J\\x1b]0;stolen\\x07", "two\\nrows", "wide " + "\u65e5" * 500]

    @pi.command("noise", description="Say everything")
    def noise(args, ctx):
        print("by print")
        sys.stderr.write("by stderr\\x1b[2J\\n")
        logging.warning("by logging")
        os.write(1, b"by write\\x1b]0;stolen\\x07\\n")
        subprocess.run(["sh", "-c", "echo by a child; echo by its stderr >&2"])
        thread = threading.Thread(target=print, args=("by a thread",))
        thread.start()
        thread.join()
        ctx.ui.notify("notified \\x1b[2J\\x1b]0;stolen\\x07")
        ctx.ui.status("status \\x1b[5;5H\\nnext row", key="s")
        ctx.ui.widget(["widget \\x1b[5;5H\\x1b[2J"], key="w")
        ctx.ui.working("works \\x1b[2J")
"""


def extension(world: World, text: str) -> Path:
    folder = world.agent / "extensions"
    folder.mkdir(exist_ok=True)
    path = folder / "mine.py"
    path.write_text(text)
    return path


def test_an_extension_asks_in_the_place_of_the_editor(terminals: Terminals, world: World) -> None:
    extension(world, ASKS)
    screen = terminals.open()

    screen.say("/ask")
    screen.until("Which fruit?")
    screen.press("Down", "Enter")
    screen.until("It is ripe.")
    screen.press("Enter")
    screen.until("Whose?")
    screen.say("Eve")
    screen.until("How large?")
    screen.press("Down", "Enter")
    screen.until("Anything else?")
    screen.say("no hurry")
    screen.until(lambda shown: "answers: " in shown or "enter" in shown)
    if "answers: " not in screen.text:
        screen.press("Enter")
    shown = screen.until("answers: ")

    wanted = "answers: ['pear', True, 'Eve', {'size': 'large', 'note': 'no hurry'}]"
    assert wanted in " ".join(shown.split())
    screen.say("/ask")
    for title in ("Which fruit?", "Eat it?", "Whose?", "How large?"):
        screen.until(title)
        screen.press("Escape")
    screen.until("answers: [None, False, None, None]")


def test_an_extension_shows_what_it_has(terminals: Terminals, world: World) -> None:
    extension(world, SHOWS)
    world.provider.script({"toolCalls": [{"name": "weigh", "args": {"thing": "stone"}}]})
    screen = terminals.open()

    shown = screen.until("a widget below")
    assert shown.index("a widget above") < shown.index("─" * 30) < shown.index("a widget below")
    assert shown.index("a widget below") < shown.index("all is well")
    screen.until("99 bottles")
    screen.press("C-y")
    screen.until("ctrl+y was pressed")
    screen.say("weigh it")
    screen.until("Fine.")
    assert "rendered by the extension" in screen.text
    assert "3 kg" in str(world.provider.requests[-1]["body"]["messages"])
    screen.type("/colour b")
    screen.until("black")
    screen.press("Tab")
    screen.until("/colour blue")
    screen.press("Enter")
    screen.until("colour: blue")
    screen.gone("a widget above")


def test_a_widget_of_its_own_has_the_keys_until_it_is_done(terminals: Terminals, world: World) -> None:
    extension(world, CUSTOM)
    screen = terminals.open()

    screen.say("/pick")
    screen.until("type a name here")
    screen.type("Eve")
    screen.until("Eve")
    screen.resize(80, 24)
    screen.until("Eve")
    screen.press("Enter")
    shown = screen.until("picked: Eve")

    assert "type a name here" not in shown
    screen.say("back")
    screen.until("Fine.")


def test_a_widget_that_fails_is_taken_away_and_told(terminals: Terminals, world: World) -> None:
    extension(world, BREAKS)
    screen = terminals.open(height=50)

    for where in ("factory", "mount", "compose", "render", "key"):
        screen.say(f"/pick {where}")
        if where == "key":
            screen.until("type here")
            screen.press("x")
        screen.until(f"fails in {where}")
        screen.gone("type here")
    screen.say("still there?")
    screen.until("Fine.")

    assert not (world.agent / "pi-crash.log").exists()


def test_an_answer_goes_on_behind_a_widget(terminals: Terminals, world: World) -> None:
    extension(world, CUSTOM)
    text = "\n\n".join(f"line {number}" for number in range(30))
    world.provider.script({"text": text, "chunk": 4, "delayMs": 10})
    screen = terminals.open()
    screen.say("talk")
    screen.until("line 1")

    screen.say("/pick")
    screen.until("type a name here")
    screen.until(lambda shown: "line 29" in shown and "to interrupt" not in shown)
    screen.say("Eve")
    shown = screen.until("picked: Eve")

    assert [f"line {number}" in shown for number in range(22, 30)] == [True] * 8
    assert "type a name here" not in shown
    assert editor(shown) == ""


def test_a_widget_of_its_own_needs_a_terminal_and_says_so(world: World) -> None:
    extension(world, CUSTOM)

    done = world.run("-p", "/pick")

    assert "needs the terminal interface" in done.stderr


def test_what_an_extension_does_wrong_is_told_and_ends_nothing(terminals: Terminals, world: World) -> None:
    extension(world, FAILS)
    world.provider.script({"toolCalls": [{"name": "bash", "args": {"command": "echo by-bash"}}]})
    screen = terminals.open(height=60)

    screen.until("can't count")
    screen.say("go")
    shown = screen.until("Fine.")
    assert "by-bash" in shown
    assert "can't draw" in shown
    screen.press("C-y")
    screen.until("can't press")
    screen.say("/fail")
    shown = screen.until("can't run")
    screen.until("printed by an extension")
    screen.say("still there?")
    shown = screen.until(lambda shown: shown.count("Fine.") == 2)

    assert shown.count("can't draw") < 10
    assert (world.agent / "pi-crash.log").exists() is False
    screen.say("/quit")
    assert screen.ended() == 0


def test_reload_takes_up_what_has_changed(terminals: Terminals, world: World) -> None:
    path = extension(world, SHOWS)
    screen = terminals.open()
    screen.until("99 bottles")

    path.write_text(SHOWS.replace("99 bottles", "98 bottles"))
    later = time.time() + 10
    os.utime(path, (later, later))
    (world.agent / "keybindings.json").write_text(json.dumps({"app.model.cycleForward": "ctrl+t"}))
    screen.say("/reload")
    screen.until("Reloaded")
    screen.until("98 bottles")
    screen.press("C-t")
    screen.until("(ant) m")


def test_an_editor_command_reaches_what_people_type(terminals: Terminals, world: World) -> None:
    extension(
        world,
        """
def extension(pi):
    @pi.command("put", description="Write for people")
    def put(args, ctx):
        ctx.ui.editor_text = "from the extension"
""",
    )
    screen = terminals.open()

    screen.say("/put")
    screen.until(lambda shown: editor(shown) == "from the extension")
    screen.press("Enter")
    screen.until("Fine.")

    assert world.provider.asked() == ["from the extension"]


def test_what_an_extension_prints_or_shows_disturbs_nothing(terminals: Terminals, world: World) -> None:
    extension(world, NOISE)
    world.provider.script({"toolCalls": [{"name": "bash", "args": {"command": "echo by-bash"}}]})
    screen = terminals.open(height=60)
    header = screen.rows[:4]
    screen.awaits("pane_title", "π - project")

    screen.say("/noise")
    for way in ("print", "stderr", "logging", "write", "a child", "its stderr", "a thread"):
        screen.until(f"by {way}")
    screen.until("notified")
    screen.say("go")
    screen.until("Fine.")
    shown = screen.until("drawn")

    assert screen.ask("pane_title") == "π - project"
    assert screen.rows[:4] == header
    assert [row for row in shown.split("\n") if "─" * 100 in row] == ["─" * 100] * 2
    assert editor(shown) == ""
    assert "widget" in shown and "status" in shown


def test_a_question_in_the_middle_of_a_run_leaves_what_is_typed(terminals: Terminals, world: World) -> None:
    extension(
        world,
        """
from pi.ext import Block

def extension(pi):
    @pi.on("tool_call", limit=None)
    async def judge(event, ctx):
        if not await ctx.ui.confirm("Run it?", "A tool wants to run."):
            return Block("The user said no.")
""",
    )
    call = {"toolCalls": [{"name": "bash", "args": {"command": "echo ran; touch ran"}}]}
    world.provider.script(
        {"text": "thinking " * 20, "chunk": 2, "delayMs": 10, **call}, {"text": "One."}, call
    )
    screen = terminals.open()
    screen.say("go")
    screen.until("thinking")
    screen.type("half a")
    screen.until("A tool wants to run.")
    screen.press("Escape")
    screen.until(lambda shown: "One." in shown and editor(shown) == "half a")
    assert not (world.project / "ran").exists()
    assert "The user said no." in str(world.provider.requests[-1]["body"])

    screen.say(" thought")
    screen.until("A tool wants to run.")
    screen.press("Enter")
    screen.until("Fine.")
    assert (world.project / "ran").exists()
    assert world.provider.asked()[-1] == "half a thought"
