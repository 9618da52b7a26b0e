"""A tool from a function: its schema from the signature, its arguments converted, its answer shown."""

import asyncio
import builtins
import contextvars
import inspect
import re
import string
import threading
from collections.abc import Callable, Collection, Mapping
from functools import partial
from types import FunctionType, GenericAlias, NoneType, SimpleNamespace, UnionType
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin, get_type_hints

import msgspec
from msgspec import NODEFAULT, Struct

from pi.agent.tool import Tool, ToolContext, ToolError, ToolResult, text_result
from pi.harness.extensions.declarations import DeclarationError
from pi.harness.extensions.hint_schema import (
    Schema,
    object_schema,
    schema_of,
    takes_null,
    validated_model,
)

_NAME_CHARACTERS = frozenset(string.ascii_letters + string.digits + "_-")
_ARGS_ENTRY = r"(\w+)(?: ?\(.*?\))?:(?:\s+(.*))?"  # `name:` or `name (type):`, and its text
_EMPTY: Any = inspect.Parameter.empty
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_UNUSUAL = inspect.CO_VARARGS | inspect.CO_VARKEYWORDS
_ANNOTATED: Any = type(Annotated[int, ""])
_LITERAL: Any = type(Literal[0])

_Filler = Callable[[ToolContext], Any]


class Progress:
    """Shows how far a tool has come: `progress("text")` or `progress(ToolResult(...))`, from any thread.

    What it says after the tool has ended is ignored. It is made in the thread of the event loop.
    """

    __slots__ = ("_loop", "_thread", "_update")

    def __init__(self, update: Callable[[ToolResult], None]):
        self._update = update
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()

    def __call__(self, partial: str | ToolResult) -> None:
        """Show this in place of what was shown before."""
        result = text_result(partial) if isinstance(partial, str) else partial
        if threading.get_ident() == self._thread:
            self._update(result)
        else:
            _call_in(self._loop, self._update, result)


def tool_of(
    function: Callable[..., Any],
    *,
    name: str | None = None,
    description: str | None = None,
    parameters: dict[str, Any] | None = None,
    injected: Mapping[type, Callable[[ToolContext], Any]] = {},
    **fields: Any,
) -> Tool:
    """A tool that calls the function; a `def` runs in a thread of its own, an `async def` in the event loop.

    The schema comes from the signature, descriptions from `Annotated` and the docstring. With `parameters`, a
    JSON Schema of an object, the function gets the arguments as one dict instead. Parameters whose type is a
    key of `injected`, Progress or ToolContext are filled for each call and the model doesn't see them.
    `fields` are those of Tool. Raises DeclarationError for what can't be a tool.
    """
    declared = _Declaration(function, name)
    fillers: dict[Any, _Filler] = {ToolContext: lambda ctx: ctx, Progress: lambda ctx: Progress(ctx.update)}
    filled, given = declared.parameters(fillers | dict(injected), raw=parameters is not None)
    if parameters is None:
        text, argument_texts = _split_docstring(declared)
        arguments = _Arguments(declared, given, argument_texts)
        schema, bind = arguments.schema, arguments.bind
    else:
        text, bind = declared.docstring, partial
        schema = declared.checked_schema(parameters)
    is_async = inspect.iscoroutinefunction(function)

    async def run(arguments: dict[str, Any], ctx: ToolContext) -> ToolResult:
        call = partial(bind(function, arguments), **{name: fill(ctx) for name, fill in filled.items()})
        from pi.harness.extensions.tool_results import result_of

        answer = call() if is_async else await _in_thread(call)
        return result_of(await answer if inspect.isawaitable(answer) else answer, declared.name)

    text = text if description is None else inspect.cleandoc(description)
    if not text.strip():
        raise declared.error("write a docstring: it tells the model what the tool does and when to use it")
    try:
        return Tool(name=declared.name, description=text, parameters=schema, run=run, **fields)
    except TypeError as error:  # msgspec names the field that Tool doesn't have
        raise declared.error(str(error)) from None


class _Parameter(Struct):
    name: str
    kind: Any  # of inspect.Parameter
    default: Any  # _EMPTY: none
    hint: Any = _EMPTY


class _Declaration:
    """The function, the tool's name, and where the author finds it."""

    def __init__(self, function: Callable[..., Any], name: str | None):
        plain = inspect.unwrap(function)
        self.name = name or getattr(function, "__name__", type(function).__name__)
        if not (inspect.isfunction(plain) or inspect.ismethod(plain)):
            raise DeclarationError(f"tool `{self.name}`: write it as a function, `def` or `async def`")
        self.docstring = inspect.cleandoc(plain.__doc__ or "")
        self._function = function
        self._parameters = _parameters_of(function)
        self._plain: Any = plain
        if not (0 < len(self.name) <= 64 and _NAME_CHARACTERS.issuperset(self.name)):
            raise self.error("the name must be 1 to 64 of a-z, A-Z, 0-9, _ and -: pass another as name=...")

    @property
    def names(self) -> Collection[str]:
        """Of all its parameters."""
        return [each.name for each in self._parameters]

    def error(self, text: str) -> DeclarationError:
        code = self._plain.__code__
        return DeclarationError(f"{code.co_filename}:{code.co_firstlineno}: tool `{self.name}`: {text}")

    def parameters(
        self, fillers: Mapping[Any, _Filler], *, raw: bool
    ) -> tuple[dict[str, _Filler], list[_Parameter]]:
        """Those that are injected, and those whose values come from the model."""
        hints = self._hints()
        filled: dict[str, _Filler] = {}
        given: list[_Parameter] = []
        for parameter in self._parameters:
            name = parameter.name
            hint = parameter.hint = hints.get(name, _EMPTY)
            if filler := _filler(hint, fillers):
                self._check_kind(parameter)
                filled[name] = filler
            elif raw and not (filled or given) and parameter.kind in _POSITIONAL:
                given.append(parameter)
            elif raw:
                raise self.error(
                    f"parameter `{name}`: with parameters=... a tool takes all arguments as one dict, else "
                    "only what is injected: write `(arguments: dict[str, Any], ...)`"
                )
            else:
                self._check_kind(parameter)
                if hint is _EMPTY:
                    raise self.error(f"parameter `{name}` has no type: write `{name}: str`, or what it is")
                given.append(parameter)
        if raw and not given:
            raise self.error(
                "with parameters=... the first parameter takes the arguments: `arguments: dict[str, Any]`"
            )
        return filled, given

    def _check_kind(self, parameter: _Parameter) -> None:
        name, kind = parameter.name, parameter.kind
        if kind is inspect.Parameter.POSITIONAL_ONLY:
            raise self.error(f"parameter `{name}` is positional-only, but tools get keywords: remove the `/`")
        if kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
            shown = inspect.signature(self._function).parameters[name]
            instead = "list[...]" if kind is inspect.Parameter.VAR_POSITIONAL else "dict[str, ...]"
            raise self.error(f"parameter `{shown}` takes any number of values: write `{name}: {instead}`")

    def _hints(self) -> dict[str, Any]:
        """The annotations but for the result's: that one may name what only type checkers see."""
        scope: dict[str, Any] = self._plain.__globals__
        try:
            hints: dict[str, Any] = {}
            for name, hint in self._plain.__annotations__.items():
                if name != "return":  # a plain name is looked up here: compiling it takes most of the time
                    hints[name] = _lookup(hint, scope) if isinstance(hint, str) else hint
            if all(map(_is_settled, hints.values())):
                return hints
            return get_type_hints(SimpleNamespace(__annotations__=hints), globalns=scope, include_extras=True)
        except (NameError, AttributeError, TypeError, SyntaxError) as error:
            raise self.error(
                f"an annotation can't be resolved ({error}): what it names must exist at the top level of "
                "the module, and not only under `if TYPE_CHECKING`"
            ) from error

    def checked_schema(self, schema: dict[str, Any]) -> Schema:
        """The schema that the author wrote."""
        is_object = isinstance(cast(Any, schema), dict) and schema.get("type") == "object"
        if not is_object or not isinstance(schema.get("properties", {}), dict):
            raise self.error(
                'parameters=... must be a JSON Schema with "type": "object" and "properties": {...}'
            )
        return schema


def _parameters_of(function: Callable[..., Any]) -> list[_Parameter]:
    """The parameters; of the usual kind of function without its signature, which takes 15 µs to make."""
    code = function.__code__ if type(function) is FunctionType and not function.__dict__ else None
    if code is None or code.co_posonlyargcount or code.co_flags & _UNUSUAL:
        signature = inspect.signature(function)
        return [_Parameter(each.name, each.kind, each.default) for each in signature.parameters.values()]
    plain, kinds = cast(FunctionType, function), inspect.Parameter
    count, names = code.co_argcount, code.co_varnames
    usual, by_name = plain.__defaults__ or (), plain.__kwdefaults__ or {}
    defaults = [_EMPTY] * (count - len(usual)) + list(usual)
    return [
        *map(_Parameter, names[:count], [kinds.POSITIONAL_OR_KEYWORD] * count, defaults),
        *(
            _Parameter(name, kinds.KEYWORD_ONLY, by_name.get(name, _EMPTY))
            for name in names[count : count + code.co_kwonlyargcount]
        ),
    ]


def _is_settled(hint: Any) -> bool:
    """Whether it is simple enough to see that no name in it is still a string."""
    kind = cast(Any, type(hint))
    if kind in (GenericAlias, UnionType):
        return all(map(_is_settled, hint.__args__))
    return issubclass(kind, type) or kind is _LITERAL or (kind is _ANNOTATED and _is_settled(hint.__origin__))


def _lookup(hint: str, scope: Mapping[str, Any]) -> Any:
    return scope.get(hint) or getattr(builtins, hint, hint)


def _filler(hint: Any, fillers: Mapping[Any, _Filler]) -> _Filler | None:
    if isinstance(hint, type):
        return fillers.get(hint)
    origin = get_origin(hint)
    if origin is Annotated:
        return _filler(hint.__origin__, fillers)
    if origin in (Union, UnionType):
        members = [member for member in get_args(hint) if member is not NoneType]
        return _filler(members[0], fillers) if len(members) == 1 else None
    return None


def _split_docstring(declared: _Declaration) -> tuple[str, dict[str, str]]:
    """The docstring without its `Args:` section, and what that says of each argument."""
    lines = declared.docstring.splitlines()
    begin = next((number for number, line in enumerate(lines) if line.rstrip() == "Args:"), None)
    if begin is None:
        return declared.docstring, {}
    end = next((number for number in range(begin + 1, len(lines)) if lines[number][:1].strip()), len(lines))
    arguments: dict[str, str] = {}
    current = ""
    for line in inspect.cleandoc("\n".join(["", *lines[begin + 1 : end]])).splitlines():
        if entry := re.fullmatch(_ARGS_ENTRY, line):
            current, line = entry[1], entry[2] or ""
            if current not in declared.names:
                raise declared.error(
                    f"`Args:` describes `{current}`, which is no parameter: correct the name, or indent the "
                    "line if it continues the one above"
                )
            arguments[current] = ""
        if current:
            arguments[current] = f"{arguments[current]} {line.strip()}".strip()
    parts = ("\n".join(lines[:begin]).rstrip(), "\n".join(lines[end:]).strip())
    return "\n\n".join(part for part in parts if part), arguments


class _Arguments:
    """What the model is told about the parameters, and how its arguments become theirs."""

    def __init__(self, declared: _Declaration, given: list[_Parameter], texts: Mapping[str, str]):
        self._tool = declared.name
        self._hints = {each.name: each.hint for each in given}
        self._absent: dict[str, Any] = {}  # `T | None` without a default is optional for a model
        properties: dict[str, Schema] = {}
        required: list[str] = []
        for each in given:
            schema = properties[each.name] = _schema(declared, each)
            if text := texts.get(each.name):
                schema.setdefault("description", text)
            if each.default is not _EMPTY:
                continue
            if takes_null(schema):
                self._absent[each.name] = None
            else:
                required.append(each.name)
        self.schema = object_schema(properties, required)

    def bind(self, function: Callable[..., Any], arguments: dict[str, Any]) -> Callable[..., Any]:
        """The function with its arguments; what it doesn't know is left out, as the built-in tools do."""
        values = {name: self._convert(name, arguments[name]) for name in self._hints if name in arguments}
        return partial(function, **(self._absent | values))

    def _convert(self, name: str, value: Any) -> Any:
        hint = self._hints[name]
        try:
            return msgspec.convert(value, hint, dec_hook=validated_model)
        except ValueError:
            pass  # 3.0 for Literal[3], "1" for the key of an int: JSON Schema lets them pass, so do we
        try:
            return msgspec.convert(_whole(value), hint, strict=False, dec_hook=validated_model)
        except ValueError as error:
            text, _, path = str(error).partition(" - at `$")
            line = f"  - {name}{path.removesuffix('`')}: {text}"
            raise ToolError(f'Validation failed for tool "{self._tool}":\n{line}') from None


def _schema(declared: _Declaration, parameter: _Parameter) -> Schema:
    default = NODEFAULT if parameter.default is _EMPTY else parameter.default
    try:
        return schema_of(parameter.hint, default)
    except Exception as error:  # foreign code: annotations inside of classes, pydantic models
        raise declared.error(f"parameter `{parameter.name}`: {error}") from error


def _whole(value: Any) -> Any:
    """The value with floats such as 3.0 as integers: in JSON they are the same number."""
    match value:
        case dict():
            return {key: _whole(item) for key, item in cast(dict[str, Any], value).items()}
        case list():
            return [_whole(item) for item in cast(list[Any], value)]
        case float() if value.is_integer():
            return int(value)
        case _:
            return value


async def _in_thread(call: Callable[[], Any]) -> Any:
    """What the call gives, from a thread of its own; when this is cancelled, the thread's result is dropped.

    Not `asyncio.to_thread`: at its end Pi would wait for the threads of tools that hang.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()
    context = contextvars.copy_context()

    def settle(value: Any, error: Exception | None) -> None:
        if done.cancelled():
            return
        if error is None:
            done.set_result(value)
        else:
            done.set_exception(error)

    def work() -> None:
        value, failure = None, None
        try:
            value = context.run(call)
        except (
            BaseException
        ) as error:  # foreign code; the loop takes StopIteration and SystemExit for its own
            ours = isinstance(error, Exception) and not isinstance(error, StopIteration)
            failure = error if ours else RuntimeError(repr(error))
        _call_in(loop, settle, value, failure)

    threading.Thread(target=work, name="tool", daemon=True).start()
    return await done


def _call_in(loop: asyncio.AbstractEventLoop, callback: Callable[..., object], *arguments: Any) -> None:
    try:
        loop.call_soon_threadsafe(callback, *arguments)
    except RuntimeError:
        pass  # the loop is closed: nobody waits any more
