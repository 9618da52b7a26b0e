"""Dialogs of extensions: asked on stdout, answered on stdin, and never for ever."""

from tests.e2e.conftest import World
from tests.modes.rpc.conftest import Pi, Start

EXTENSION = """
from pi.ext import Field, Option

def extension(pi):
    @pi.on("session_start")
    async def begin(event, ctx):
        if pi_asks_at_start:
            ctx.ui.notify(f"chose {await ctx.ui.select('Which?', ['a', 'b'])}")

    @pi.command("ask", "")
    async def ask(args, ctx):
        ctx.ui.notify(repr(await ctx.ui.select("Which?", ["a", "b"], timeout=float(args) if args else None)))

    @pi.command("form", "")
    async def form(args, ctx):
        fields = [
            Field("color", "Color?", "select", (Option("red"), Option("blue"))),
            Field("why", "Why?"),
            Field("sure", "Sure?", "confirm"),
        ]
        ctx.ui.notify(repr(await ctx.ui.form("Questions", fields)))

    @pi.command("show", "")
    async def show(args, ctx):
        ctx.ui.status("busy")
        ctx.ui.status(None)
        ctx.ui.widget(["one"], placement="below_editor")
        ctx.ui.widget(None)
"""


def begin(start: Start, world: World, *, asks: bool = False) -> Pi:
    path = world.project / "asks.py"
    path.write_text(f"pi_asks_at_start = {asks}\n{EXTENSION}")
    return start("-e", str(path))


def test_an_extension_may_ask_while_the_session_starts(start: Start, world: World) -> None:
    pi = begin(start, world, asks=True)
    pi.send({"id": "early", "type": "get_messages"})
    request = pi.next()
    assert (request["method"], request["options"]) == ("select", ["a", "b"])
    pi.send({"type": "extension_ui_response", "id": request["id"], "value": "b"})
    assert pi.next()["message"] == "chose b"
    assert pi.next()["id"] == "early"


def test_a_dialog_out_of_time_is_resolved_here_and_its_late_answer_passed_over(
    start: Start, world: World
) -> None:
    pi = begin(start, world)
    pi.send({"type": "prompt", "message": "/ask 0.05"})
    request = pi.next()
    assert request["timeout"] == 50
    assert pi.next()["message"] == "None"
    pi.send({"type": "extension_ui_response", "id": request["id"], "value": "a"})
    pi.send({"type": "extension_ui_response"}, {"type": "extension_ui_response", "id": 5, "value": []})
    assert pi.until(command="prompt")[-1]["success"]


def test_answers_of_the_wrong_kind_are_no_answers(start: Start, world: World) -> None:
    pi = begin(start, world)
    for answer in ({"value": 5}, {"value": "neither"}, {}, {"cancelled": True}):
        pi.send({"type": "prompt", "message": "/ask"})
        request = pi.until(method="select")[-1]
        pi.send({"type": "extension_ui_response", "id": request["id"], **answer})
        assert pi.next()["message"] == "None"
        assert pi.next()["command"] == "prompt"


def test_a_client_without_forms_is_asked_one_by_one(start: Start, world: World) -> None:
    pi = begin(start, world)
    pi.send({"type": "prompt", "message": "/form"})
    answers = {"select": {"value": "red"}, "input": {"value": "warm"}, "confirm": {"confirmed": True}}
    for method in ("select", "input", "confirm"):
        request = pi.next()
        assert request["method"] == method
        pi.send({"type": "extension_ui_response", "id": request["id"], **answers[method]})
    assert pi.next()["message"] == "{'color': 'red', 'why': 'warm', 'sure': True}"


def test_a_client_with_forms_is_asked_at_once(start: Start, world: World) -> None:
    pi = begin(start, world)
    assert pi.data("hello", capabilities=["form"])["capabilities"] == ["form"]
    pi.send({"type": "prompt", "message": "/form"})
    request = pi.next()
    assert (request["method"], [field["name"] for field in request["fields"]]) == (
        "form",
        ["color", "why", "sure"],
    )
    pi.send({"type": "extension_ui_response", "id": request["id"], "answers": {"color": "blue"}})
    assert pi.next()["message"] == "{'color': 'blue'}"


def test_what_is_shown_is_told_and_taken_away(start: Start, world: World) -> None:
    pi = begin(start, world)
    pi.send({"type": "prompt", "message": "/show"})
    shown = [{k: v for k, v in pi.next().items() if k not in ("id", "type")} for _ in range(4)]
    assert shown == [
        {"method": "setStatus", "statusKey": "asks", "statusText": "busy"},
        {"method": "setStatus", "statusKey": "asks"},
        {
            "method": "setWidget",
            "widgetKey": "asks",
            "widgetLines": ["one"],
            "widgetPlacement": "belowEditor",
        },
        {"method": "setWidget", "widgetKey": "asks"},
    ]


def test_an_open_dialog_does_not_hold_up_the_end(start: Start, world: World) -> None:
    pi = begin(start, world)
    pi.send({"type": "prompt", "message": "/ask"})
    assert pi.next()["method"] == "select"
    assert pi.close() == 0


def test_extensions_are_listed_with_what_they_bring_and_what_is_wrong(start: Start, world: World) -> None:
    broken = world.project / "broken.py"
    broken.write_text("def extension(pi):\n    raise ValueError('no')\n")
    path = world.project / "asks.py"
    path.write_text(f"pi_asks_at_start = False\n{EXTENSION}")
    pi = start("-e", str(path), "-e", str(broken))
    listed = pi.data("extensions")
    (one,) = listed["extensions"]
    assert (one["name"], one["path"], one["scope"]) == ("asks", str(path), "temporary")
    assert one["commands"] == ["ask", "form", "show"]
    assert [problem["extension"] for problem in listed["problems"]] == ["broken"]

    broken.write_text("def extension(pi):\n    pi.command('mended', '')(lambda args, ctx: None)\n")
    assert pi.call("reload")["success"]
    names = [command["name"] for command in pi.data("get_commands")["commands"]]
    assert names == ["ask", "form", "show", "mended"]


def test_a_shell_command_asks_extensions_first(start: Start, world: World) -> None:
    path = world.project / "shell.py"
    path.write_text(
        "from pi.ext import BashDone, Block, RunAs\n"
        "def extension(pi):\n"
        "    @pi.on('user_bash')\n"
        "    def ask(event, ctx):\n"
        "        answers = {'no': Block('not here'), 'done': BashDone('did it', 3),\n"
        "                   'other': RunAs(('echo', '$HOME'))}\n"
        "        return answers[event.command]\n"
    )
    pi = start("-e", str(path))
    refused = pi.call("bash", command="no")
    assert (refused["error"], refused["code"]) == ("not here", "blocked")
    assert pi.data("bash", command="done") == {
        "output": "did it",
        "exitCode": 3,
        "cancelled": False,
        "truncated": False,
    }
    assert pi.data("bash", command="other")["output"] == "$HOME\n"
    failed = pi.call("bash", command="something else")
    assert failed["code"] == "blocked" and "KeyError" in failed["error"]
    outputs = [message["output"] for message in pi.data("get_messages")["messages"]]
    assert outputs == ["did it", "$HOME\n"]
