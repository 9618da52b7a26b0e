"""Tools from functions: schemas, descriptions, injection, conversion, results, threads, refusals."""

import asyncio
import contextvars
import enum
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NewType, NotRequired, Required, TypedDict

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from pi.agent.tool import Tool, ToolContext, ToolError, ToolResult, text_result
from pi.agent.validation import validate
from pi.harness.extensions.declarations import DeclarationError
from pi.harness.extensions.function_tool import Progress, tool_of
from pi.llm.messages import Image, Text, ToolCall, ToolResultMessage, content_text
from pi.llm.models import Model
from pi.testing import Reply, ScriptedModel, make_session

if TYPE_CHECKING:
    from decimal import Decimal

HERE = Path(__file__)
MODEL = Model("m", "p", "a", "http://x")


class Ctx:
    """What an extension host would inject."""

    def __init__(self, tool_context: ToolContext):
        self.call_id = tool_context.call_id


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Point(msgspec.Struct, rename="camel"):
    x_axis: Annotated[int, "To the right"]
    y_axis: int = 0


class Circle(msgspec.Struct, tag=True, forbid_unknown_fields=True):
    radius: float


class Square(msgspec.Struct, tag=True):
    side: float = 1


class Options(TypedDict, total=False):
    depth: Required[int]
    label: str


class Late(TypedDict):
    must: "int"
    may: "NotRequired[str]"


@dataclass
class Job:
    points: list[Point]
    color: Color = Color.RED
    notes: dict[str, str] = field(default_factory=dict)


class Node(msgspec.Struct):
    children: "list[Node]" = []


class Row(msgspec.Struct, array_like=True):
    cell: int


UserId = NewType("UserId", int)


def run(tool: Tool, arguments: dict[str, Any], updates: list[ToolResult] | None = None) -> ToolResult:
    seen: list[ToolResult] = [] if updates is None else updates
    context = ToolContext("call-1", HERE.parent, MODEL, {}, seen.append)

    async def call() -> ToolResult:
        return await tool.run(validate(tool.name, tool.parameters, arguments), context)

    return asyncio.run(asyncio.wait_for(call(), 30))


def text_of(tool: Tool, arguments: dict[str, Any]) -> str:
    return content_text(run(tool, arguments).content)


def taking(hint: Any, *default: Any) -> Callable[..., Any]:
    """A function with the parameter `value` of a type that only the test knows, which returns it."""

    def take(value: Any) -> Any:
        """Take a value."""
        seen.append(value)
        return value

    seen: list[Any] = []
    take.__annotations__ = {"value": hint}
    take.__defaults__ = default
    take.seen = seen  # type: ignore[attr-defined]
    return take


def schema(hint: Any, *default: Any) -> dict[str, Any]:
    return tool_of(taking(hint, *default)).parameters["properties"]["value"]


async def web_search(
    query: Annotated[str, "What to look for"],
    limit: Annotated[int, Meta(ge=1, le=20)] = 5,
    recency: Literal["day", "week"] | None = None,
    *,
    ctx: Ctx,
    progress: Progress,
) -> str:
    """Search the web.

    Longer text,
      also for the model.
    """
    progress(f"searching {query}")
    return f"{query} {limit} {recency} {ctx.call_id}"


def test_name_description_and_schema_come_from_the_function() -> None:
    tool = tool_of(web_search, injected={Ctx: Ctx}, snippet="Search", execution="sequential", strict="prefer")

    assert (tool.name, tool.snippet, tool.execution, tool.strict) == (
        "web_search",
        "Search",
        "sequential",
        "prefer",
    )
    assert tool.description == "Search the web.\n\nLonger text,\n  also for the model."
    assert tool.parameters == {
        "type": "object",
        "properties": {
            "query": {"type": "string", "description": "What to look for"},
            "limit": {"type": "integer", "minimum": 1, "maximum": 20, "default": 5},
            "recency": {"type": ["string", "null"], "enum": ["day", "week", None]},
        },
        "required": ["query"],
    }


def test_a_tool_runs_with_converted_arguments_defaults_and_what_is_injected() -> None:
    tool = tool_of(web_search, injected={Ctx: Ctx})
    updates: list[ToolResult] = []

    result = run(tool, {"query": "pi", "limit": "7", "unknown": 1}, updates)

    assert result == text_result("pi 7 None call-1")
    assert updates == [text_result("searching pi")]
    assert text_of(tool, {"query": "pi", "recency": None}) == "pi 5 None call-1"


def test_a_tool_of_a_function_works_in_a_session(tmp_path: Path) -> None:
    def add(a: int, b: int = 2) -> int:
        """Add."""
        return a + b

    calls = (ToolCall("1", "add", {"a": "1"}), ToolCall("2", "add", {"a": "one"}))
    session = make_session(
        ScriptedModel(Reply(calls=calls), after="Ok."), cwd=tmp_path, tools=(tool_of(add),)
    )

    asyncio.run(asyncio.wait_for(session.prompt("Do"), 30))

    results = [message for message in session.messages if isinstance(message, ToolResultMessage)]
    assert [(content_text(each.content), each.is_error) for each in results] == [
        ("3", False),
        (
            'Validation failed for tool "add":\n  - a: must be integer\n\n'
            'Received arguments:\n{\n  "a": "one"\n}',
            True,
        ),
    ]


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        (str, {"type": "string"}),
        (float, {"type": "number"}),
        (bool, {"type": "boolean"}),
        (Any, {}),
        (UserId, {"type": "integer"}),
        (list[int], {"type": "array", "items": {"type": "integer"}}),
        (list, {"type": "array"}),
        (tuple[str, ...], {"type": "array", "items": {"type": "string"}}),
        (dict[str, float], {"type": "object", "additionalProperties": {"type": "number"}}),
        (dict[str, Any], {"type": "object"}),
        (dict, {"type": "object"}),
        (Any | None, {}),
        (Literal["a", None] | None, {"type": ["string", "null"], "enum": ["a", None]}),
        (
            int | list[str] | None,
            {
                "anyOf": [
                    {"type": "integer"},
                    {"type": "array", "items": {"type": "string"}},
                    {"type": "null"},
                ]
            },
        ),
        (int | str | None, {"type": ["integer", "string", "null"]}),
        (int | list[str], {"anyOf": [{"type": "integer"}, {"type": "array", "items": {"type": "string"}}]}),
        (list[str] | None, {"type": ["array", "null"], "items": {"type": "string"}}),
        (Literal[1, "a"], {"type": ["integer", "string"], "enum": [1, "a"]}),
        (Color, {"type": "string", "enum": ["red", "blue"]}),
        (Color | None, {"type": ["string", "null"], "enum": ["red", "blue", None]}),
        (
            Annotated[list[Annotated[str, Meta(pattern="^a")]], "Words", Meta(max_length=3)],
            {
                "type": "array",
                "items": {"type": "string", "pattern": "^a"},
                "description": "Words",
                "maxItems": 3,
            },
        ),
        (
            Options,
            {
                "type": "object",
                "properties": {"depth": {"type": "integer"}, "label": {"type": "string"}},
                "required": ["depth"],
            },
        ),
        (
            Late,
            {
                "type": "object",
                "properties": {"must": {"type": "integer"}, "may": {"type": "string"}},
                "required": ["must"],
            },
        ),
        (
            Circle | Square,
            {
                "anyOf": [
                    {
                        "type": "object",
                        "properties": {
                            "type": {"type": "string", "enum": ["Circle"]},
                            "radius": {"type": "number"},
                        },
                        "required": ["type", "radius"],
                        "additionalProperties": False,
                    },
                    {
                        "type": "object",
                        "properties": {
                            "type": {"type": "string", "enum": ["Square"]},
                            "side": {"type": "number", "default": 1},
                        },
                        "required": ["type"],
                    },
                ]
            },
        ),
    ],
)
def test_the_schema_says_each_type_in_few_words(hint: Any, expected: dict[str, Any]) -> None:
    assert schema(hint) == expected


def test_nested_types_stand_inline_and_arrive_as_themselves() -> None:
    take = taking(Job)
    tool = tool_of(take)

    assert tool.parameters["properties"]["value"] == {
        "type": "object",
        "properties": {
            "points": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "xAxis": {"type": "integer", "description": "To the right"},
                        "yAxis": {"type": "integer", "default": 0},
                    },
                    "required": ["xAxis"],
                },
            },
            "color": {"type": "string", "enum": ["red", "blue"], "default": "red"},
            "notes": {"type": "object", "additionalProperties": {"type": "string"}},
        },
        "required": ["points"],
    }
    run(tool, {"value": {"points": [{"xAxis": 1}, {"xAxis": 2, "yAxis": 3}], "color": "blue"}})
    assert take.seen == [Job([Point(1), Point(2, 3)], Color.BLUE, {})]  # type: ignore[attr-defined]


def test_pydantic_models_are_described_checked_and_shown_as_they_say() -> None:
    pydantic = pytest.importorskip("pydantic")
    item = pydantic.create_model("Item", title=(str, ...), note=(str | None, None))
    order = pydantic.create_model("Order", items=(list[item], ...), color=(Color, Color.RED))
    tool = tool_of(taking(order))

    assert tool.parameters["properties"]["value"] == {
        "type": "object",
        "properties": {
            "items": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"title": {"type": "string"}, "note": {"type": ["string", "null"]}},
                    "required": ["title"],
                },
            },
            "color": {"type": "string", "enum": ["red", "blue"], "default": "red"},
        },
        "required": ["items"],
    }
    assert run(tool, {"value": {"items": [{"title": "a"}]}}).details == {
        "items": [{"title": "a", "note": None}],
        "color": "red",
    }


def test_a_model_that_contains_itself_is_refused() -> None:
    pydantic = pytest.importorskip("pydantic")
    tree = pydantic.create_model("Tree", children=(list["Tree"], ...))  # noqa: F821
    tree.model_rebuild(_types_namespace={"Tree": tree})

    with pytest.raises(DeclarationError, match="Tree contains itself"):
        tool_of(taking(tree))


def test_a_models_own_check_fails_as_an_argument() -> None:
    pydantic = pytest.importorskip("pydantic")

    def refuse(text: str) -> str:
        raise ValueError("too short")

    short = pydantic.create_model(
        "Short", text=(Annotated[str, pydantic.AfterValidator(refuse)], pydantic.Field())
    )

    with pytest.raises(ToolError) as caught:
        run(tool_of(taking(list[short])), {"value": [{"text": "a"}]})
    assert str(caught.value).startswith(
        'Validation failed for tool "take":\n  - value[0]: 1 validation error'
    )
    assert "too short" in str(caught.value) and "https://" not in str(caught.value)


def test_an_optional_parameter_without_default_becomes_none() -> None:
    tool = tool_of(taking(int | None))

    assert tool.parameters == {"type": "object", "properties": {"value": {"type": ["integer", "null"]}}}
    assert text_of(tool, {}) == "(no output)"
    assert text_of(tool, {"value": None}) == "(no output)"
    assert text_of(tool, {"value": 4}) == "4"


def test_the_args_section_describes_parameters_and_leaves_the_text() -> None:
    def copy(source: str, target: Annotated[str, "Where to"] = ".", *, progress: Progress) -> None:
        """Copy a file.

        Args:
            source (str): The file,
                as a path.
            target: not shown, the annotation is nearer
            progress: injected

        Returns:
            Nothing.
        """

    tool = tool_of(copy)

    assert tool.description == "Copy a file.\n\nReturns:\n    Nothing."
    assert tool.parameters["properties"] == {
        "source": {"type": "string", "description": "The file, as a path."},
        "target": {"type": "string", "description": "Where to", "default": "."},
    }


def test_injection_sees_through_strings_optionals_and_annotated() -> None:
    def look(a: "Ctx", b: "Ctx | None" = None, c: Annotated[ToolContext, "raw"] | None = None) -> "Decimal":
        """Look."""
        assert b is not None and c is not None
        return [a.call_id, b.call_id, str(c.cwd)]  # type: ignore[return-value]

    tool = tool_of(look, injected={Ctx: Ctx})

    assert tool.parameters == {"type": "object", "properties": {}}
    assert run(tool, {}).details == ["call-1", "call-1", str(HERE.parent)]


def test_a_raw_schema_hands_over_the_arguments_as_a_dict() -> None:
    raw = {"type": "object", "properties": {"n": {"type": "integer"}}}

    def count(arguments: dict[str, Any], /, ctx: Ctx) -> str:
        """Count.

        Args:
            n: stays in the text
        """
        return f"{arguments} {ctx.call_id}"

    tool = tool_of(count, name="counter", parameters=raw, injected={Ctx: Ctx})

    assert (tool.name, tool.parameters) == ("counter", raw)
    assert tool.description == "Count.\n\nArgs:\n    n: stays in the text"
    assert text_of(tool, {"n": "3", "more": []}) == "{'n': 3, 'more': []} call-1"


def test_whole_floats_are_integers_wherever_the_schema_takes_them() -> None:
    take = taking(list[Literal[3] | None])

    run(tool_of(take), {"value": [3.0, None]})

    assert repr(take.seen) == "[[3, None]]"  # type: ignore[attr-defined]


def test_a_conversion_that_fails_names_the_argument() -> None:
    class Even(msgspec.Struct):
        number: int

        def __post_init__(self) -> None:
            if self.number % 2:
                raise ValueError(f"{self.number} is odd")

    with pytest.raises(ToolError) as caught:
        run(tool_of(taking(list[Even])), {"value": [{"number": 2}, {"number": 3}]})
    assert str(caught.value) == 'Validation failed for tool "take":\n  - value[1]: 3 is odd'


PNG = Image("aGk=", "image/png")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("text", text_result("text")),
        (None, text_result("(no output)")),
        (PNG, ToolResult((PNG,))),
        (Text("a"), text_result("a")),
        (["See:", PNG], ToolResult((Text("See:"), PNG))),
        ((Text("a"), PNG), ToolResult((Text("a"), PNG))),
        (ToolResult((PNG,), {"a": 1}), ToolResult((PNG,), {"a": 1})),
        (5, text_result("5", 5)),
        (True, text_result("true", True)),
        ([], text_result("[]", [])),
        (Point(1), text_result('{"xAxis": 1, "yAxis": 0}', {"xAxis": 1, "yAxis": 0})),
        ({1: Color.RED}, text_result('{"1": "red"}', {"1": "red"})),
        ([Path("a")], text_result('["a"]', ["a"])),
        (["é" * 120], text_result('[\n  "' + "é" * 120 + '"\n]', ["é" * 120])),
    ],
)
def test_answers_become_content_and_data_also_details(answer: Any, expected: ToolResult) -> None:
    async def give() -> Any:
        """Give."""
        return answer

    assert run(tool_of(give), {}) == expected


@pytest.mark.parametrize("answer", [object(), {"deep": [object()]}, (each for each in "a")])
def test_an_answer_without_a_json_form_is_an_error_that_names_its_type(answer: Any) -> None:
    def give() -> Any:
        """Give."""
        return answer

    with pytest.raises(
        ToolError, match=r"gave back, a (object|dict|generator), .*(object|generator) has no JSON"
    ):
        run(tool_of(give), {})


def test_a_plain_function_runs_in_a_thread_with_the_callers_context_variables() -> None:
    variable = contextvars.ContextVar("variable", default="outer")
    main = threading.get_ident()

    def where(progress: Progress) -> bool:
        """Where."""
        progress("one")
        progress(ToolResult((PNG,)))
        return variable.get() == "inner" and threading.get_ident() != main

    variable.set("inner")
    updates: list[ToolResult] = []

    assert run(tool_of(where), {}, updates) == text_result("true", True)
    assert updates == [text_result("one"), ToolResult((PNG,))]


def test_a_cancelled_function_is_left_to_itself_and_nobody_waits_for_it() -> None:
    started, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def hang(progress: Progress) -> str:
        """Hang."""
        started.set()
        go_on.wait(30)
        progress("too late")
        ended.set()
        return "never seen"

    async def cancel() -> None:
        context = ToolContext("1", HERE.parent, MODEL, {}, lambda result: None)
        task = asyncio.ensure_future(tool_of(hang).run({}, context))
        await asyncio.to_thread(started.wait, 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())  # would not return before the thread does, were it one of the loop's own

    assert not ended.is_set()
    go_on.set()
    assert ended.wait(30)


@pytest.mark.parametrize(
    ("raise_it", "expected"),
    [
        (lambda: next(iter(())), RuntimeError),
        (lambda: sys.exit(2), RuntimeError),
        (lambda: os.stat("\0"), ValueError),
        (lambda: tool_of(web_search), DeclarationError),
    ],
)
def test_what_a_function_raises_arrives_and_never_ends_the_loop(
    raise_it: Callable[[], Any], expected: type
) -> None:
    def fail() -> Any:
        """Fail."""
        return raise_it()

    with pytest.raises(expected):
        run(tool_of(fail), {})


def documented(*args: int) -> None:
    """Takes any."""


def undocumented() -> None: ...


def positional(a: int, /) -> None:
    """Positional."""


def keywords(**more: int) -> None:
    """Keywords."""


def untyped(a) -> None:  # type: ignore[no-untyped-def]
    """Untyped."""


def unresolved(a: "Decimal") -> None:
    """Unresolved."""


def wrong_args(limit: int) -> None:
    """Wrong.

    Args:
        limt: How many
    """


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        (documented, {}, r"parameter `\*args: int` takes any number of values: write `args: list\[...\]`"),
        (
            keywords,
            {},
            r"parameter `\*\*more: int` takes any number of values: write `more: dict\[str, ...\]`",
        ),
        (positional, {}, "parameter `a` is positional-only, but tools get keywords: remove the `/`"),
        (untyped, {}, "parameter `a` has no type: write `a: str`"),
        (unresolved, {}, "name 'Decimal' is not defined.*not only under `if TYPE_CHECKING`"),
        (undocumented, {}, "write a docstring"),
        (wrong_args, {}, "`Args:` describes `limt`, which is no parameter"),
        (web_search, {}, "parameter `ctx`: Ctx has no JSON Schema here: use str, int"),
        (wrong_args, {"name": "no spaces"}, "the name must be 1 to 64"),
        (positional, {"parameters": {"type": "string"}}, "must be a JSON Schema with"),
        (undocumented, {"parameters": {"type": "object"}, "description": "x"}, "the first parameter takes"),
        (keywords, {"parameters": {"type": "object"}}, "takes all arguments as one dict"),
        (taking(int), {"colour": "red"}, "colour"),
        (taking(Node), {}, "Node contains itself"),
        (taking(tuple[int, str]), {}, "use list"),
        (taking(Callable[[], int]), {}, r"Callable\[\[\], int\] has no JSON Schema here"),
        (taking(Row), {}, "Row is array_like"),
        (taking(dict[int, str]), {}, "must be str"),
        (taking(Literal[True]), {}, "only str, int and None"),
        (taking(Annotated[str, Meta(ge=1)]), {}, "Can only set `ge` on a numeric type"),
        (taking(int, object()), {}, "object has no JSON form"),
    ],
)
def test_what_cant_be_a_tool_is_refused_with_its_place_and_the_way_out(
    function: Callable[..., Any], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(DeclarationError, match=message) as caught:
        tool_of(function, **options)
    assert str(caught.value).startswith(f"{HERE}:{function.__code__.co_firstlineno}: tool `")


def test_only_functions_become_tools() -> None:
    with pytest.raises(DeclarationError, match="write it as a function"):
        tool_of(len)


LEAVES: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(max_size=5),
    int: st.integers(-(2**70), 2**70),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    Literal["day", 7]: st.sampled_from(["day", 7]),
    Color: st.sampled_from(["red", "blue"]),
    Annotated[int, Meta(ge=1, lt=9)]: st.integers(1, 8),
    Annotated[str, Meta(min_length=1, max_length=3)]: st.text(min_size=1, max_size=3),
    Options: st.fixed_dictionaries({"depth": st.integers()}, optional={"label": st.text(max_size=3)}),
    Point: st.fixed_dictionaries({"xAxis": st.integers(0, 9), "yAxis": st.integers(0, 9)}),
    Circle: st.fixed_dictionaries({"type": st.just("Circle"), "radius": st.floats(0, 9)}),
}
Typed = tuple[Any, st.SearchStrategy[Any]]
typed: st.SearchStrategy[Typed] = st.recursive(
    st.sampled_from(list(LEAVES.items())),
    lambda inner: st.one_of(
        inner.map(lambda each: (list[each[0]], st.lists(each[1], max_size=3))),
        inner.map(
            lambda each: (dict[str, each[0]], st.dictionaries(st.text(max_size=3), each[1], max_size=3))
        ),
        inner.map(lambda each: (each[0] | None, each[1] | st.none())),
    ),
    max_leaves=4,
)


@given(typed, st.data())
def test_every_value_of_a_type_passes_its_schema_and_comes_back_as_it_went_in(
    each: Typed, data: st.DataObject
) -> None:
    hint, values = each
    take = taking(hint)
    tool = tool_of(take)
    value = data.draw(values)

    arguments = validate(tool.name, tool.parameters, {"value": value})
    run(tool, arguments)

    assert arguments == {"value": value}
    [seen] = take.seen  # type: ignore[attr-defined]
    assert msgspec.convert(msgspec.to_builtins(seen), hint) == seen
    assert msgspec.to_builtins(seen) == value


@given(typed, typed.flatmap(lambda other: other[1]) | st.floats() | st.none())
def test_what_the_schema_lets_pass_can_be_converted(each: Typed, value: Any) -> None:
    take = taking(each[0])
    tool = tool_of(take)

    try:
        validate(tool.name, tool.parameters, {"value": value})
    except ToolError:
        return
    run(tool, {"value": value})
    assert len(take.seen) == 1  # type: ignore[attr-defined]


@given(typed, st.data())
def test_a_default_stands_in_the_schema_fits_it_and_is_used(each: Typed, data: st.DataObject) -> None:
    hint, values = each
    default = msgspec.convert(data.draw(values), hint)
    take = taking(hint, default)
    tool = tool_of(take)

    run(tool, {})

    assert "required" not in tool.parameters
    assert take.seen == [default]  # type: ignore[attr-defined]
    if default is not None:
        said = tool.parameters["properties"]["value"]["default"]
        assert validate(tool.name, tool.parameters, {"value": said}) == {"value": said}
        assert msgspec.convert(said, hint) == default
