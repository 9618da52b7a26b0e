"""docs/extensions.md is the whole API, on one page that a small model can hold, and its examples load.

`python -m tests.test_extension_docs` writes what the page takes from the code: events, answers, members.
"""

import asyncio
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import pi.ext
from pi.harness.background import Process
from pi.harness.extensions.api import ExtensionAPI
from pi.harness.extensions.children import ChildResult, Limits
from pi.harness.extensions.ctx import Ctx
from pi.harness.extensions.dialogs import Dialogs
from pi.harness.extensions.http import Answer, Http
from pi.harness.extensions.running import Ran
from pi.harness.extensions.secrets import Secrets
from pi.harness.extensions.table import EVENTS, Row
from pi.harness.extensions.views import ModelsView, SessionView, ToolsView
from pi.harness.stats import Stats
from pi.sdk import ExtensionChoice, create_agent_session
from pi.testing import ScriptedModel

PAGE = Path(__file__).parents[1] / "docs" / "extensions.md"
LONGEST = 24_000  # characters: about 6,000 tokens
MADE = re.compile(r"(<!-- made: (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
CODE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DECORATORS = (
    *("on", "tool", "command", "shortcut", "cli", "gate", "stream_guard"),
    *("render", "footer", "autocomplete", "listen", "virtual_model"),
)
VIEWS: dict[str, type] = {
    "ui": Dialogs,
    "session": SessionView,
    "models": ModelsView,
    "tools": ToolsView,
    "http": Http,
    "secrets": Secrets,
}
PLAIN = {
    *(pi.ext.Trust, pi.ext.Resources, pi.ext.CacheWarming, pi.ext.OwnSummary, pi.ext.SummaryOptions),
    *(pi.ext.BashDone, pi.ext.RunAs, pi.ext.Handled, pi.ext.Cancel),
}
VALUES: dict[type, str] = {  # what authors read of them; the rest is there, but seldom wanted
    pi.ext.Field: "name title kind options description default required other",
    pi.ext.Option: "label description preview recommended",
    pi.ext.Effects: "reads writes commands hosts known",
    pi.ext.Text: "text",
    pi.ext.Image: "data mime_type",
    pi.ext.Thinking: "thinking",
    pi.ext.ToolCall: "id name arguments",
    pi.ext.UserMessage: "content timestamp",
    pi.ext.AssistantMessage: "content text tool_calls model usage stop_reason error_message",
    pi.ext.ToolResultMessage: "tool_call_id tool_name content is_error details",
    pi.ext.SystemMessage: "content sections",
    pi.ext.Usage: "input output cache_read cache_write total_tokens cost",
    pi.ext.Model: "provider id ref name context_window",
    pi.ext.RouteRequest: "model thinking_level reason messages state previous failed",
    pi.ext.CustomMessage: "custom_type content details",
    pi.ext.ToolContext: "call_id cwd model env",
    Ran: "code ok output timed_out",
    Answer: "status ok headers body text json",
    Process: "id running exit_code read wait stop",
    Stats: "usage cost cost_by_model context tool_calls",
    Limits: "turns tokens cost seconds depth",
    ChildResult: "text output stop error usage cost turns session_file",
}


def text() -> str:
    return PAGE.read_text(encoding="utf-8")


# What is made from the code


def fields_of(kind: type) -> str:
    return ", ".join(getattr(kind, "__struct_fields__", ()))


def camel_case(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))


def event_line(row: Row) -> str:
    kind = row.payload.__name__
    named = "" if kind == camel_case(row.name) else f"`{kind}`: "
    names = [answer.__name__ for answer in row.answers]
    answers = dict.fromkeys("a message" if name.endswith("Message") else f"`{name}`" for name in names)
    cells = [f"`{row.name}`", row.when, named + fields_of(row.payload), " ".join(answers)]
    while not cells[-1]:
        cells.pop()
    return f"| {' | '.join(cells)} |"


def event_table() -> str:
    head = "| event | when | fields | answers |\n| --- | --- | --- | --- |\n"
    return head + "".join(event_line(row) + "\n" for row in EVENTS.values())


def first_sentence(thing: Any) -> str:
    words = " ".join((inspect.getdoc(thing) or "").split())
    return words.partition(". ")[0].removesuffix(".") + "."


def answer_lines() -> str:
    """What authors use most with a sentence; of the others the names say it."""
    own = {kind for row in EVENTS.values() for kind in row.answers if kind.__module__ != "builtins"}
    kinds = {
        kind for kind in own if not issubclass(kind, Exception) and not kind.__name__.endswith("Message")
    }
    kinds |= {pi.ext.Data, pi.ext.Edit, pi.ext.AskAgain, pi.ext.Cut, pi.ext.Stop, pi.ext.Route}
    listed = sorted(kinds - PLAIN, key=lambda kind: kind.__name__)
    lines = [f"- `{kind.__name__}({fields_of(kind)})` {first_sentence(kind)}\n" for kind in listed]
    plain = sorted(kinds & PLAIN, key=lambda kind: kind.__name__)
    return "".join(lines) + "- " + ", ".join(f"`{kind.__name__}({fields_of(kind)})`" for kind in plain) + "\n"


def value_lines() -> str:
    return (
        "; ".join(f"`{kind.__name__}`: {names.replace(' ', ', ')}" for kind, names in VALUES.items()) + ".\n"
    )


def members(kind: type) -> list[str]:
    return [name for name in vars(kind) if not name.startswith("_")]


def parameters(function: Any) -> str:
    """Names, and defaults that say something: what a caller needs."""
    return ", ".join(map(parameter, list(inspect.signature(function).parameters.values())[1:]))


def parameter(given: inspect.Parameter) -> str:
    match given.kind:
        case given.VAR_POSITIONAL:
            return f"*{given.name}"
        case given.VAR_KEYWORD:
            return f"**{given.name}"
        case _ if given.default is given.empty:
            return given.name
        case _:
            default = repr(given.default).replace("'", '"') if given.default else ""
            return f"{given.name}={default if given.default is not Any else ''}"


def member_lines() -> str:
    return "".join(map(member_line, members(ExtensionAPI)))


def member_line(name: str) -> str:
    member = vars(ExtensionAPI)[name]
    at = "@" if name in DECORATORS else ""
    if isinstance(member, property):
        return f"- `{at}pi.{name}(event, limit=30.0)` Handle an event: `handler(event, ctx)`.\n"
    return f"- `{at}pi.{name}({parameters(member)})` {first_sentence(member)}\n"


BLOCKS = {"api": member_lines, "events": event_table, "answers": answer_lines, "values": value_lines}


def made_anew(page: str) -> str:
    return MADE.sub(lambda found: found[1] + BLOCKS[found[2]]() + found[4], page)


# The tests


def wrapped(code: str) -> str:
    """An example as a file: one without `def extension` stands in the body of it."""
    if "def extension(" in code:
        return code
    imports = "".join(f"{line}\n" for line in code.splitlines() if re.match(r"from|import", line))
    body = [line for line in code.splitlines() if not re.match(r"from|import", line)]
    names = ", ".join(pi.ext.__all__)
    head = f"from typing import Annotated, Any, Literal\nfrom pi.ext import {names}\n{imports}"
    return head + "\n\ndef extension(pi):\n" + "".join(f"    {line}\n" for line in body if line.strip())


def examples() -> Iterator[tuple[str, str]]:
    for number, code in enumerate(CODE.findall(text()), 1):
        if not code.startswith("# test_"):
            yield f"example_{number}", code


def words_of_code() -> set[str]:
    """All words that stand in examples, tables and between backticks."""
    page = text()
    code = [*CODE.findall(page), *re.findall(r"`([^`\n]+)`", CODE.sub("", page))]
    return {word for part in code for word in re.findall(r"\w+", part)}


def test_the_page_fits_a_small_model_beside_its_task() -> None:
    assert len(text()) <= LONGEST


@pytest.mark.parametrize("block", BLOCKS)
def test_the_page_says_what_the_code_says(block: str) -> None:
    blocks = {name: body for _, name, body, _ in MADE.findall(text())}
    assert blocks[block] == BLOCKS[block](), "run: python -m tests.test_extension_docs"


def test_all_41_events_are_on_the_page() -> None:
    assert len(EVENTS) == 41
    assert [name for name in EVENTS if f"| `{name}` |" not in text()] == []


def test_every_name_of_the_api_is_on_the_page() -> None:
    there = words_of_code() | {camel_case(name) for name in EVENTS}
    assert [name for name in pi.ext.__all__ if name not in there] == []


def written(kind: type, name: str) -> str:
    """A member as the page has it, behind the name of what it belongs to."""
    member = vars(kind)[name]
    if not inspect.isfunction(member):
        return name
    return f"{name}({parameters(member)})"


def waits(kind: type, name: str) -> str:
    member = vars(kind)[name]
    if inspect.isasyncgenfunction(inspect.unwrap(member)):
        return "async with "
    return "await " if inspect.iscoroutinefunction(member) else ""


def test_every_member_of_ctx_is_on_the_page_as_it_is_called() -> None:
    page = " ".join(text().split())
    whole = [f"`{waits(Ctx, name)}ctx.{written(Ctx, name)}`" for name in members(Ctx)]
    assert [call for call in whole if call not in page] == []


@pytest.mark.parametrize("view", VIEWS)
def test_every_member_of_a_view_is_in_its_paragraph_and_no_other(view: str) -> None:
    found = re.search(rf"^- `ctx\.{view}`: (.*?)(?=^- |\n\n)", text(), re.M | re.S)
    assert found
    kind = VIEWS[view]
    listed = re.findall(r"`((?:await |async with )?\.\w+[^`]*)`", " ".join(found[1].split()))
    assert sorted(listed) == sorted(f"{waits(kind, name)}.{written(kind, name)}" for name in members(kind))


def test_the_values_have_the_fields_that_the_page_names() -> None:
    wrong = [
        (kind, name) for kind, names in VALUES.items() for name in names.split() if not hasattr(kind, name)
    ]
    assert wrong == []


@pytest.mark.parametrize(("name", "code"), list(examples()))
def test_an_example_loads_and_declares_without_a_problem(tmp_path: Path, name: str, code: str) -> None:
    path = tmp_path / f"{name}.py"
    path.write_text(wrapped(code), encoding="utf-8")

    async def work() -> None:
        session = await create_agent_session(
            cwd=tmp_path,
            agent_dir=tmp_path / "agent",
            model=ScriptedModel("hi").model,
            extensions=ExtensionChoice((str(path),)),
        )
        try:
            await session.prompt("hello")
            assert (session.extensions.problems, session.warnings) == ([], [])
            declared = session.extensions.roster.get(name).declared
            assert any(getattr(declared, field) for field in declared.__struct_fields__)
        finally:
            await session.close()

    asyncio.run(work())


def test_the_example_of_a_test_passes(tmp_path: Path) -> None:
    codes = CODE.findall(text())
    (example,) = [code for code in codes if code.startswith("# test_")]
    (tmp_path / "words.py").write_text(codes[0], encoding="utf-8")
    module: dict[str, Any] = {"__file__": str(tmp_path / "test_words.py")}
    exec(compile(example, "test_words.py", "exec"), module)
    for name, function in list(module.items()):
        if name.startswith("test_"):
            function()


if __name__ == "__main__":
    PAGE.write_text(made_anew(text()), encoding="utf-8")
    sys.stdout.write(f"{len(text())} characters\n")
