"""Somebody who logs in: opens pages, answers questions, and keeps what was shown."""

from pi.llm.http import request


class Person:
    """`answers` are what is typed, one a question; `pastes` likewise. With `browser`, pages are opened."""

    def __init__(self, *answers: str | None, pastes: tuple[str, ...] = (), browser: bool = True):
        self.shown: list[tuple[str, str | None]] = []
        self.told: list[str] = []
        self.asked: list[tuple[str, bool]] = []
        self.wrong: list[str] = []
        self._answers, self._pastes, self._browser = list(answers), list(pastes), browser

    async def show(self, url: str, *, code: str | None = None) -> None:
        self.shown.append((url, code))
        if code is None and self._browser:
            async with request("GET", url, headers={}) as response:
                target = response.headers["location"]
            async with request("GET", target, headers={}) as response:
                await response.read()

    async def paste(self, wrong: str) -> str | None:
        self.wrong.append(wrong)
        return self._pastes.pop(0) if self._pastes else None

    async def ask(self, title: str, placeholder: str = "", *, secret: bool = False) -> str | None:
        self.asked.append((title, secret))
        return self._answers.pop(0)

    def tell(self, text: str) -> None:
        self.told.append(text)


async def nap(_: float) -> None:
    """Sleeps not at all: the servers of the tests are never in a hurry."""
