"""What a tool's function gives back, as the model is shown it."""

import json
from typing import Any, cast

from pi.agent.tool import ToolError, ToolResult, text_result
from pi.harness.extensions.hint_schema import plain
from pi.llm.messages import Image, Text

_SHORT_JSON = 100  # characters: up to here data stand in one line


def result_of(answer: Any, tool: str) -> ToolResult:
    """Text and images as they are, data as JSON. Raises ToolError for what has no such form."""
    match answer:
        case ToolResult():
            return answer
        case None:
            return text_result("(no output)")
        case str():
            return text_result(answer)
        case Text() | Image():
            return ToolResult((answer,))
        case list() | tuple() if any(isinstance(each, Text | Image) for each in cast(list[Any], answer)):
            parts = cast(list[Any], answer)
            return ToolResult(tuple(block for part in parts for block in result_of(part, tool).content))
        case _:
            return _data_result(answer, tool)


def _data_result(answer: Any, tool: str) -> ToolResult:
    try:
        data = plain(answer)
        text = json.dumps(data, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ToolError(
            f'Tool "{tool}" ran, but what it gave back, a {type(answer).__qualname__}, can\'t be shown: '
            f"{error}. Its author should return text or plain data."
        ) from error
    return text_result(
        text if len(text) <= _SHORT_JSON else json.dumps(data, ensure_ascii=False, indent=2), data
    )
