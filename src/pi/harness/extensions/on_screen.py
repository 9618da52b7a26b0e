"""What extensions show in a terminal: footer segments, renderers, completions, keys; kept from doing harm."""

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

from pi.agent.limits import call, told
from pi.harness.extensions.declarations import Completer, RenderKind
from pi.platform.errors import PiError

if TYPE_CHECKING:
    from pi.harness.extensions.host import ExtensionHost

_LIMIT_S = 5.0  # for completions: people have typed on by then


class OnScreen:
    """The host's extensions, as a screen asks them; what one does wrong is reported, and not shown."""

    def __init__(self, host: "Callable[[], ExtensionHost | None]", report: Callable[[str, str, str], None]):
        self._host = host
        self._report = report
        self._reported: set[tuple[str, str, str]] = set()

    def segments(self) -> list[tuple[int, str]]:
        """Priority and text of each segment of the footer that has something to say now."""
        host = self._host()
        if host is None:
            return []
        found: list[tuple[int, str]] = []
        for owner, segment in host.joined.segments.values():
            text = self._ask(host, owner, f"footer {segment.name}", segment.run)
            if isinstance(text, str) and text:
                found.append((segment.priority, text))
        return found

    def render(self, kind: RenderKind, name: str, value: Any) -> list[str] | None:
        """The lines that an extension makes of a value; None for the usual way."""
        host = self._host()
        found = host.joined.renderers.get(f"{kind}:{name}") if host else None
        if host is None or found is None:
            return None
        lines = self._ask(host, found[0], f"render {name}", found[1].run, value)
        if isinstance(lines, str):
            return lines.split("\n")
        if isinstance(lines, Sequence):
            return [str(line) for line in cast(Sequence[Any], lines)]
        return None

    def renders(self, kind: RenderKind, name: str) -> bool:
        """Whether an extension shows values of this kind and name."""
        host = self._host()
        return host is not None and f"{kind}:{name}" in host.joined.renderers

    def triggers(self) -> dict[str, Callable[[str], Any]]:
        """What completes the words that begin so."""
        host = self._host()
        if host is None:
            return {}

        def by(host: "ExtensionHost", owner: str, completer: Completer) -> Callable[[str], Any]:
            return lambda word: self._texts(host, owner, completer.trigger, completer.run, word)

        completers = host.joined.completers.values()
        return {completer.trigger: by(host, owner, completer) for owner, completer in completers}

    async def arguments(self, command: str, prefix: str) -> list[str]:
        """What the arguments of a command may be."""
        host = self._host()
        found = host.joined.commands.get(command) if host else None
        if host is None or found is None or found[1].complete is None:
            return []
        return await self._texts(host, found[0], f"/{command}", found[1].complete, prefix)

    def shortcuts(self) -> list[tuple[str, str]]:
        """Keys, and what they do."""
        host = self._host()
        return [(key, each.description) for key, (_, each) in host.joined.shortcuts.items()] if host else []

    async def press(self, key: str) -> None:
        """Run what a key means."""
        host = self._host()
        if host is not None and key in host.joined.shortcuts:
            owner, shortcut = host.joined.shortcuts[key]
            try:
                await call(None, shortcut.run, host.ctx_of(owner))
            except Exception as error:  # foreign code: a key that fails says so
                self._report(owner, key, told(error))

    async def _texts(
        self, host: "ExtensionHost", owner: str, where: str, run: Callable[..., Any], word: str
    ) -> list[str]:
        try:
            found = await call(_LIMIT_S, run, word, host.ctx_of(owner))
        except Exception as error:  # foreign code: nothing is completed
            self._report(owner, where, told(error))
            return []
        return [str(text) for text in cast(Sequence[Any], found)] if isinstance(found, list | tuple) else []

    def _ask(
        self, host: "ExtensionHost", owner: str, where: str, run: Callable[..., Any], *given: Any
    ) -> Any:
        try:
            ctx = host.ctx_of(owner)
        except PiError:
            return None  # the session hasn't begun, or the extension isn't in it any more
        try:
            answer = run(*given, ctx)
            if inspect.iscoroutine(answer):
                answer.close()
                raise TypeError("what is drawn can't wait: make it a plain function")
            return answer
        except Exception as error:  # foreign code: what it would have shown is shown in the usual way
            said = (owner, where, told(error))
            if said not in self._reported:  # it is asked again and again
                self._reported.add(said)
                self._report(*said)
            return None
