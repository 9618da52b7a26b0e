"""What `ctx` shows of the session, its models and its tools, and what it lets extensions do to them."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from msgspec import UNSET, to_builtins

from pi.agent.hooks import Block
from pi.agent.one_call import executed, judged
from pi.agent.tool import Tool, ToolContext, ToolError, ToolResult
from pi.harness.events import EntryAppended
from pi.harness.session import Session
from pi.harness.storage.entries import CustomEntry, Entry
from pi.llm.messages import ThinkingLevel, ToolCall
from pi.llm.models import Model
from pi.llm.patterns import resolve_model
from pi.platform.clock import uuid7


class SessionView:
    """The session's file and tree. Ids are those of entries."""

    def __init__(self, session: Session, check: Callable[[], None]):
        self._session = session
        self._check = check

    @property
    def id(self) -> str:
        """The session's id."""
        return self._session.store.id

    @property
    def file(self) -> Path | None:
        """Its file, None when it isn't saved."""
        return self._session.store.path

    @property
    def name(self) -> str | None:
        """What the user calls it."""
        return self._session.store.name

    @property
    def leaf(self) -> str | None:
        """The entry after which the next one comes."""
        return self._session.store.leaf

    @property
    def messages(self) -> tuple[Any, ...]:
        """The transcript as the model would see it now."""
        return self._session.messages

    def entries(self) -> list[Entry]:
        """All entries of all branches, oldest first."""
        return self._session.store.entries()

    def branch(self, *types: str) -> list[Entry]:
        """The entries from the root to the leaf; with types ("custom") only those, which is faster."""
        return self._session.store.branch(*types)

    def get(self, entry_id: str) -> Entry | None:
        """One entry."""
        return self._session.store.get(entry_id)

    def label_of(self, entry_id: str) -> str | None:
        """The label of an entry."""
        label = self._session.store.labels.get(entry_id)
        return label.label if label else None

    def latest(self, custom_type: str) -> Any:
        """The data of the latest entry of that type on the branch; msgspec.UNSET when there is none."""
        entry = self._session.store.latest_custom(custom_type)
        return UNSET if entry is None else entry.data

    def append(self, custom_type: str, data: Any = None) -> str:
        """Keep data (JSON) in the session, out of the model's sight; the id of the entry."""
        self._check()
        entry = self._session.store.append(CustomEntry, custom_type=custom_type, data=to_builtins(data))
        self._session.announce(EntryAppended(entry))
        return entry.id

    async def set_name(self, name: str) -> None:
        """Name the session; an empty name takes the old one away."""
        self._check()
        await self._session.tree.set_name(name)

    async def set_label(self, entry_id: str, label: str | None) -> None:
        """Label an entry, or take its label away."""
        self._check()
        await self._session.tree.set_label(entry_id, label)


class ModelsView:
    """The models that there are, and the one in use."""

    def __init__(self, session: Session, check: Callable[[], None]):
        self._session = session
        self._check = check

    @property
    def current(self) -> Model:
        """The model that answers next; it may be a virtual one."""
        return self._session.model

    @property
    def level(self) -> ThinkingLevel:
        """The level at which it thinks."""
        return self._session.thinking_level

    def all(self) -> list[Model]:
        """Every model, usable or not."""
        return self._session.setup.registry.all()

    def available(self) -> list[Model]:
        """Those with a key."""
        return self._session.setup.registry.available()

    @property
    def scoped(self) -> list[Model]:
        """Those that cycling goes through."""
        return self._session.models.scope

    async def auth(self, model: Model) -> tuple[str | None, dict[str, str]]:
        """The key and the headers for requests to a model. Raises PiError when there is no key."""
        given = await self._session.setup.registry.require_credentials(model)
        return given.api_key, dict(given.headers)

    def find(self, pattern: str) -> Model:
        """A model by "provider/id", an id or part of a name. Raises PiError when there is none."""
        provider, _, id = pattern.partition("/")
        exact = self._session.setup.registry.find(provider, id) if id else None
        return exact or resolve_model(self._session.setup.registry, provider=None, pattern=pattern).model

    async def use(self, model: Model | str, level: ThinkingLevel | None = None) -> None:
        """Have another model answer from the next request on; it is kept in the session."""
        self._check()
        registry = self._session.setup.registry
        if isinstance(model, Model):
            registry.check_key(model)
            await self._session.models.use(model, level)
            return
        choice = resolve_model(registry, provider=None, pattern=model)
        registry.check_key(choice.model)
        await self._session.models.use(choice.model, level or choice.thinking, role=choice.role)

    async def think(self, level: ThinkingLevel) -> None:
        """Think at another level from the next request on."""
        self._check()
        await self._session.models.think(level)


class ToolsView:
    """The tools that there are, and those that the model has."""

    def __init__(
        self, session: Session, check: Callable[[], None], context: Callable[[], ToolContext], call_id: str
    ):
        self._session = session
        self._check = check
        self._context = context
        self._call_id = call_id

    def __iter__(self) -> Iterator[Tool]:
        return iter(self._session.tools.all)

    @property
    def active(self) -> list[str]:
        """The names of the tools that the model has."""
        return [tool.name for tool in self._session.tools.active]

    def get(self, name: str) -> Tool | None:
        """A tool by its name, in use or not."""
        return self._session.tools.get(name)

    def use(self, names: Sequence[str]) -> None:
        """Give the model these tools and no others, from its next request on."""
        self._check()
        self._session.tools.use(names)

    def add(self, name: str) -> None:
        """Give the model one more tool."""
        self.use([*self.active, name])

    def remove(self, name: str) -> None:
        """Take one tool from the model."""
        self.use([other for other in self.active if other != name])

    async def call(self, name: str, **arguments: Any) -> ToolResult:
        """Run a tool as the model would: handlers and gates judge it. Raises ToolError when it fails."""
        self._check()
        tool = self.get(name)
        if tool is None:
            raise ToolError(f"There is no tool {name}.")
        call = ToolCall(f"ext_{uuid7()}", name, arguments)
        allowed = await judged(
            self._session.hooks, tool, call, self._session.store.cwd, parent=self._call_id or None
        )
        if isinstance(allowed, Block):
            raise ToolError(allowed.reason)
        from msgspec.structs import replace

        done = await executed(self._session.hooks, allowed, replace(self._context(), call_id=call.id))
        if done.is_error:
            from pi.llm.messages import content_text

            raise ToolError(content_text(done.result.content))
        return done.result
