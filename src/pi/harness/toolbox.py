"""All tools that a session could use, and those that the model has at the moment."""

from collections.abc import Callable, Mapping, Sequence

from pi.agent.tool import Tool

# which names to use, of those that are known; the second list are the extensions' that want to be used
Choose = Callable[[Sequence[str], Sequence[str]], Sequence[str]]


class Toolbox:
    """Built-in tools are made when they are first needed; an extension's replaces a built-in of its name."""

    def __init__(self, builtin: Mapping[str, Callable[[], Tool]], choose: Choose):
        self._builtin = builtin
        self._choose = choose
        self._made: dict[str, Tool] = {}
        self._own: Mapping[str, Tool] = {}
        self._names = list(choose(list(builtin), []))
        self._active: tuple[Tool, ...] | None = None

    @classmethod
    def of(cls, tools: Sequence[Tool]) -> "Toolbox":
        """A box of these tools, all in use."""
        made = {tool.name: tool for tool in tools}
        builders = {name: (lambda tool=tool: tool) for name, tool in made.items()}
        return cls(builders, lambda known, own: known)

    def limited(self, names: Sequence[str]) -> "Toolbox":
        """Another box, which knows of the built-in tools only these, and uses no tool but these."""
        builtin = {name: make for name, make in self._builtin.items() if name in names}
        return Toolbox(builtin, lambda known, own: [name for name in names if name in known])

    @property
    def builtin(self) -> tuple[str, ...]:
        """The names of the built-in tools."""
        return tuple(self._builtin)

    @property
    def active(self) -> tuple[Tool, ...]:
        """The tools that the model has."""
        if self._active is None:
            found = [tool for name in self._names if (tool := self.get(name)) is not None]
            if self.deferred and (search := self._search()):
                found.append(search)
            self._active = tuple(found)
        return self._active

    @property
    def known(self) -> tuple[str, ...]:
        """The names of all tools."""
        return tuple(dict.fromkeys((*self._builtin, *self._own)))

    @property
    def all(self) -> list[Tool]:
        """All tools, in use or not."""
        return [tool for name in self.known if (tool := self.get(name)) is not None]

    @property
    def deferred(self) -> list[Tool]:
        """The tools that the model finds by searching, and hasn't found yet."""
        waiting = [
            tool
            for tool in self._own.values()
            if tool.exposure == "deferred" and tool.name not in self._names
        ]
        if not waiting:
            return []
        allowed = self._choose(self.known, [tool.name for tool in waiting])
        return [tool for tool in waiting if tool.name in allowed]

    def get(self, name: str) -> Tool | None:
        """A tool by its name, in use or not."""
        if name in self._own:
            return self._own[name]
        if name in self._builtin and name not in self._made:
            self._made[name] = self._builtin[name]()
        return self._made.get(name)

    def use(self, names: Sequence[str]) -> None:
        """Give the model these tools alone, from its next request on; unknown names are passed over."""
        self._names = [name for name in dict.fromkeys(names) if name in self.known]
        self._active = None

    def set_own(self, tools: Mapping[str, Tool]) -> None:
        """The extensions' tools are these now: new ones join if they want to, those that are gone leave."""
        before, self._own = self._own, dict(tools)
        wanting = [tool.name for tool in tools.values() if tool.active and tool.exposure == "direct"]
        chosen = self._choose(self.known, wanting)
        kept = [name for name in self._names if name in self.known]
        joining = [name for name in chosen if name in wanting and name not in before]
        self._names = list(dict.fromkeys((*kept, *joining)))
        self._active = None

    def _search(self) -> Tool | None:
        from pi.harness.extensions.tool_search import tool_search

        tool = tool_search(self)
        return tool if tool.name in self._choose([*self.known, tool.name], [tool.name]) else None
