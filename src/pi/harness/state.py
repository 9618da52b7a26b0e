"""What the parts of a session share: its file, model, tools, queues and transcript as they stand now."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from pi.agent.guard import StreamGuard
from pi.agent.hooks import Hooks
from pi.agent.queue import MessageQueue
from pi.agent.tool import Tool
from pi.harness.prompts import PromptTemplate
from pi.harness.settings import Settings
from pi.harness.skills import Skill
from pi.harness.store import Store
from pi.llm.messages import CacheRetention, ThinkingLevel
from pi.llm.models import Model
from pi.llm.registry import ModelRegistry


class Setup(Struct, frozen=True):
    """What a session is made of besides its file; `sections` builds the prompt for the active tools."""

    registry: ModelRegistry
    settings: Settings
    tools: tuple[Tool, ...]
    sections: Callable[[Sequence[Tool]], dict[str, str]]
    agent_dir: Path
    skills: tuple[Skill, ...] = ()
    templates: tuple[PromptTemplate, ...] = ()
    runtime_key: str | None = None  # --api-key: for this process only, never saved
    guard: StreamGuard | None = None
    cache_retention: CacheRetention = "short"


class SessionState:
    """The session's parts; `transcript` is what the model would see now, system messages in place."""

    def __init__(self, store: Store, model: Model, level: ThinkingLevel, setup: Setup, hooks: Hooks):
        self.store = store
        self.model = model
        self.thinking_level: ThinkingLevel = level
        self.setup = setup
        self.hooks = hooks
        self.tools: tuple[Tool, ...] = setup.tools
        self.transcript: list[Any] = []
        self.steering = MessageQueue(setup.settings.get("steeringMode"))
        self.following = MessageQueue(setup.settings.get("followUpMode"))
