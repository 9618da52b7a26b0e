"""Built-in tools tell what a call will touch, as absolute paths, however the model wrote them."""

from pathlib import Path
from typing import Any

import pytest

from pi.agent.tool import UNKNOWN_EFFECTS, Effects, Tool, text_result
from pi.tools.bash import bash_tool
from pi.tools.edit import edit_tool
from pi.tools.find import find_tool
from pi.tools.grep import grep_tool
from pi.tools.ls import ls_tool
from pi.tools.read import read_tool
from pi.tools.write import write_tool


@pytest.mark.parametrize(
    ("tool", "arguments", "effects"),
    [
        (read_tool(), {"path": "a"}, Effects(reads=("/w/a",))),
        (read_tool(), {"path": "@../secret"}, Effects(reads=("/secret",))),
        (write_tool(), {"path": "file:///etc/hosts", "content": ""}, Effects(writes=("/etc/hosts",))),
        (edit_tool(), {"path": "a", "edits": []}, Effects(reads=("/w/a",), writes=("/w/a",))),
        (bash_tool(), {"command": "rm -rf /"}, Effects(commands=("rm -rf /",))),
        (grep_tool(), {"pattern": "x"}, Effects(reads=("/w",))),
        (find_tool(), {"pattern": "x", "path": "sub"}, Effects(reads=("/w/sub",))),
        (ls_tool(), {}, Effects(reads=("/w",))),
        (read_tool(), {"path": "nul\0"}, UNKNOWN_EFFECTS),
    ],
)
def test_a_call_tells_what_it_will_touch(tool: Tool, arguments: dict[str, Any], effects: Effects) -> None:
    assert tool.effects_of(arguments, Path("/w")) == effects


def test_a_tool_that_says_nothing_may_touch_anything() -> None:
    async def run(arguments: dict[str, Any], ctx: Any) -> Any:
        return text_result("")

    assert Tool("t", "", {}, run).effects_of({}, Path("/w")) == Effects(known=False)
