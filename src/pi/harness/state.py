"""What the parts of a session share: its file, model, tools, queues and transcript as they stand now."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct

from pi.agent.guard import StreamGuard
from pi.agent.hooks import Hooks
from pi.agent.queue import MessageQueue
from pi.agent.tool import Tool
from pi.harness.context import build_context
from pi.harness.models.health import Health
from pi.harness.prompts import PromptTemplate
from pi.harness.settings import Settings
from pi.harness.skills import Skill
from pi.harness.storage.store import Store
from pi.harness.toolbox import Toolbox
from pi.llm.messages import AssistantMessage, CacheRetention, ThinkingLevel, Usage
from pi.llm.models import Model
from pi.llm.registry import ModelRegistry

if TYPE_CHECKING:
    from pi.harness.models.failover import Failover
    from pi.harness.spending.budget import Budget
    from pi.llm.stream import ModelStream

Sections = Callable[[Sequence[Tool]], dict[str, str]]


class Extensions(Protocol):
    """What a session needs of its extensions; everything else they do through its hooks."""

    @property
    def host(self) -> Any:
        """The host itself; None as long as there is nothing to host."""
        ...

    def has_command(self, name: str) -> bool: ...
    async def run_command(self, name: str, arguments: str) -> None: ...
    async def start(self, session: Any, reason: Any, previous: Path | None) -> None:
        """The session is there: handlers and tools join it, then they are told."""
        ...

    async def stop(self, reason: Any, target: Path | None) -> None:
        """The session ends or makes room for another: they are told, then nothing of them runs."""
        ...

    def environment(self) -> dict[str, str]:
        """What commands of tools get into their environment."""
        ...

    async def between_turns(self) -> None:
        """A run goes on: extensions that were written or changed meanwhile may be taken up now."""
        ...


class RunShell(Protocol):
    """Runs a command of the user's (a text for the shell, or words) and gives its exit code.

    `env` is added to Pi's own environment. Cancelling it kills the whole tree. Raises PiError when the
    command can't be started.
    """

    async def __call__(
        self,
        command: str | Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        on_output: Callable[[bytes], None],
    ) -> int: ...


class Kin(Protocol):
    """What ties a child session to its parent: what it spends, and whether it may go on."""

    @property
    def depth(self) -> int:
        """How many sessions are above it."""
        ...

    @property
    def deepest(self) -> int:
        """The depth that its own children may have at most."""
        ...

    def spent(self, provider: str, model: str, usage: Usage) -> None:
        """A response or something beside the conversation has cost this."""
        ...

    def over(self, flying: Usage) -> Any:
        """The limit that has been reached, with what the response under way has cost; None when none."""
        ...


class Setup(Struct, frozen=True):
    """What a session is made of besides its file; `sections` builds the prompt for the active tools."""

    registry: ModelRegistry
    settings: Settings
    toolbox: Toolbox
    sections: Sections
    agent_dir: Path
    health: Health  # of providers and their models, shared with children
    skills: tuple[Skill, ...] = ()
    templates: tuple[PromptTemplate, ...] = ()
    guard: StreamGuard | None = None
    cache_retention: CacheRetention = "short"
    long_lived: bool = False  # people or programs come back to it: the inbox is watched while it is idle
    trusted: bool = False  # whether the project's own settings and extensions may be used
    extensions: Extensions | None = None
    shell: RunShell | None = None
    model_scope: tuple[str, ...] = ()  # patterns of the models to cycle through; empty: all usable ones
    # the same with more skills and prompt templates, by path; the list gets warnings
    more: "Callable[[Setup, Sequence[str], Sequence[str], list[str]], Setup] | None" = None
    remake: "Callable[[Store], Awaitable[Made]] | None" = None  # the same for another store, files read again
    prompt_of: Callable[[Path, str | None], Sections] | None = None  # sections of a folder, a system text
    kin: Kin | None = None  # of a child session
    budget: "Budget | None" = None  # shared with children


class Made(Struct, frozen=True):
    """A setup, and the model with which its session begins or goes on."""

    setup: Setup
    model: Model
    thinking_level: ThinkingLevel
    warnings: tuple[str, ...] = ()
    role: str | None = None  # by which the model was chosen


class SessionState:
    """The session's parts; `transcript` is what the model would see now, system messages in place."""

    def __init__(self, store: Store, model: Model, level: ThinkingLevel, setup: Setup, hooks: Hooks):
        self.store = store
        self.model = model
        self.thinking_level: ThinkingLevel = level
        self.setup = setup
        self.hooks = hooks
        self.failover: Callable[[], Failover | None] = lambda: None
        self.warn: Callable[[str], None] = lambda text: None  # people should know this
        self.guards: list[StreamGuard] = [setup.guard] if setup.guard else []
        self.transcript: list[Any] = []
        self.prompt_changes: dict[str, str | None] = {}  # what extensions change in the prompt of this run
        self.prompt_instead: str | None = None  # … or the prompt that they use instead
        self.steering = MessageQueue(setup.settings.get("steeringMode"))
        self.following = MessageQueue(setup.settings.get("followUpMode"))
        self.failed: AssistantMessage | None = None  # the response that is asked for again
        self.stopped: str | None = None  # why an extension ended the last run
        self.totals: Any = None  # of `pi.harness.stats`, once somebody asked
        self.with_next: list[Any] = []  # messages that wait for the next prompt
        self.role: str | None = None  # by which the model was chosen
        self.asked: ModelStream | None = None  # the latest request of the loop

    @property
    def tools(self) -> tuple[Tool, ...]:
        """The tools that the model has."""
        return self.setup.toolbox.active

    @property
    def sections(self) -> dict[str, str]:
        """The system prompt by section, as it is to be now."""
        if self.prompt_instead is not None:
            return {"preamble": self.prompt_instead}
        sections: dict[str, str | None] = {**self.setup.sections(self.tools), **self.prompt_changes}
        return {name: text for name, text in sections.items() if text is not None}

    def change_prompt(self, texts: Mapping[str, str | None]) -> None:
        """Other texts for sections of the system prompt in this run; None leaves one out."""
        for name, text in texts.items():
            tagged = text if text is None or name == "preamble" else f"<{name}>\n{text}\n</{name}>"
            self.prompt_changes[name] = tagged

    def become(self, store: Store, made: Made) -> None:
        """Go on as another session, in place: everything that holds this state sees it."""
        failover, warn = self.failover, self.warn
        self.__init__(store, made.model, made.thinking_level, made.setup, self.hooks)
        self.failover, self.warn, self.role = failover, warn, made.role
        self.transcript = list(build_context(store.context_branch()))
