"""A session for tests that are plain functions: it brings its own event loop."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from pi.harness.session import Session
from pi.llm.protocols.faux import Asked, Reply, ReplyOf
from pi.testing.recorder import Recorder
from pi.testing.scripted import ScriptedModel
from pi.testing.sessions import ExtensionUnderTest, session_with

T = TypeVar("T")


class LoopedSession:
    """`session_with`, opened at once; background tasks of the extension run only while something is run.

    Close it, or use it as a context manager. Not for code that is inside an event loop already.
    """

    def __init__(self, extension: ExtensionUnderTest, *replies: Reply | str | ReplyOf, **options: Any):
        self._model: ScriptedModel = options.pop("model", None) or ScriptedModel(*replies)
        self._runner = asyncio.Runner()
        self._open = session_with(extension, model=self._model, **options)
        try:
            self.session: Session = self._runner.run(self._open.__aenter__())
        except BaseException:  # whatever it was, the loop must not leak
            self._runner.close()
            raise
        self.heard = Recorder(self.session)

    def prompt(self, text: str, **options: Any) -> str:
        """Say something and wait until nothing runs; the result is what the model said last."""
        self.run(self._prompt(text, options))
        return self.heard.texts[-1] if self.heard.texts else ""

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the session's loop."""
        return self._runner.run(work)

    @property
    def asked(self) -> list[Asked]:
        """What the model was asked."""
        return self._model.asked

    @property
    def texts(self) -> list[str]:
        """What the model said."""
        return self.heard.texts

    @property
    def tool_results(self) -> list[str]:
        """What tools gave back."""
        return self.heard.tool_results

    @property
    def failures(self) -> list[str]:
        """What extensions did wrong."""
        return self.heard.failures

    def close(self) -> None:
        """End the session; a second time does nothing."""
        if self._open is not None:
            opened, self._open = self._open, None
            try:
                self._runner.run(opened.__aexit__(None, None, None))
            finally:
                self._runner.close()

    def __enter__(self) -> "LoopedSession":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    async def _prompt(self, text: str, options: dict[str, Any]) -> None:
        await self.session.prompt(text, **options)
        await self.session.wait_idle()
