"""An answer for programs: the model ends the run by calling `answer` with data that fit your JSON Schema.

    pi -e examples/extensions/structured_output.py --answer-schema review.json --answer-file out.json \\
        -p "Review the last commit"

The schema describes an object. Data that don't fit go back to the model before the tool runs; the run ends
with the call, without another request. JSON mode and the session file have the data as the call's `details`.
"""

import json
from typing import Any

from pi.ext import Ctx, ExtensionAPI, PiError, SessionStart, Text, ToolError, ToolResult


def extension(pi: ExtensionAPI) -> None:
    schema_file = pi.flag("answer-schema", None, "JSON Schema of the final answer")
    answer_file = pi.flag("answer-file", None, "Where the final answer is written")

    @pi.on("session_start")
    def start(event: SessionStart, ctx: Ctx) -> None:
        name, output = schema_file.get(), answer_file.get()
        if not name:
            return
        path = ctx.cwd / name
        try:
            schema = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise PiError(f"--answer-schema: {path} can't be used: {error}") from error

        @pi.tool(
            parameters=schema,
            snippet="Give the final answer as data",
            guidelines=("End your work with one call of answer, and with nothing after it.",),
        )
        def answer(data: dict[str, Any], *, ctx: Ctx) -> ToolResult:
            """Give the final answer. This ends the run, so call it last and once."""
            if output:
                try:
                    text = json.dumps(data, ensure_ascii=False, indent=2)
                    (ctx.cwd / output).write_text(f"{text}\n", encoding="utf-8")
                except OSError as error:
                    raise ToolError(f"The answer can't be written: {error}. Tell the user.") from error
            return ToolResult((Text("The answer was taken."),), details=data, terminate=True)
