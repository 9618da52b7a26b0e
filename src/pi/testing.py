"""A scripted model and sessions around it: what tests of agents, tools and extensions need."""

from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

from pi.agent.guard import StreamGuard
from pi.agent.tool import Tool
from pi.harness.session import Session
from pi.harness.settings import Settings
from pi.harness.state import Setup
from pi.harness.store import Store
from pi.harness.system_prompt import build_sections
from pi.harness.toolbox import Toolbox
from pi.llm.messages import ThinkingLevel, ToolCall
from pi.llm.models import Model
from pi.llm.protocols.faux import Asked, Reply, ReplyOf, Script
from pi.llm.registry import ModelRegistry

__all__ = ["Asked", "Reply", "ScriptedModel", "call", "make_session"]

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


def make_session(
    scripted: ScriptedModel,
    *,
    cwd: Path,
    tools: Sequence[Tool] = (),
    store: Store | None = None,
    settings: dict[str, Any] | None = None,
    level: ThinkingLevel = "off",
    guard: StreamGuard | None = None,
    long_lived: bool = False,
) -> Session:
    """A session of a scripted model in `cwd`; without a store it is saved nowhere, no user's file is read."""
    setup = Setup(
        registry=ModelRegistry(cwd / ".agent"),
        settings=Settings(settings),
        toolbox=Toolbox.of(tools),
        sections=lambda active: build_sections(cwd=cwd, tools=active, docs=Path("docs")),
        agent_dir=cwd / ".agent",
        guard=guard,
        long_lived=long_lived,
    )
    return Session(store or Store.in_memory(cwd), scripted.model, level, setup)
