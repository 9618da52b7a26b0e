"""A model that plays a script: what it says is given, what it was asked is kept."""

from itertools import count
from typing import Any

from pi.llm.messages import ToolCall
from pi.llm.models import Model
from pi.llm.protocols.faux import Asked, Reply, ReplyOf, Script

_numbers = count(1)


class ScriptedModel:
    """A model that gives the replies it was made with; `asked` shows what it was asked."""

    def __init__(
        self, *replies: Reply | str | ReplyOf, after: Reply | str | ReplyOf | None = None, **fields: Any
    ):
        self.script = Script(*replies, after=after)
        self.model = Model(
            id=fields.pop("id", "scripted"),
            provider="faux",
            api="faux",
            base_url="",
            name="Scripted model",
            compat={"script": self.script},
            **fields,
        )

    @property
    def asked(self) -> list[Asked]:
        """The requests so far: context and options."""
        return self.script.asked


def call(tool: str, /, **arguments: Any) -> Reply:
    """A reply that calls one tool."""
    return Reply(calls=(ToolCall(f"call_{next(_numbers)}", tool, arguments),))
