"""A login's questions in the terminal, beside the browser that it opens."""

from collections.abc import Sequence

from pi.platform.asking import Terminal
from pi.platform.browsing import open_page


class TerminalScreen:
    """See `pi.llm.logins.LoginScreen`; without `browser` people open the pages themselves."""

    def __init__(self, terminal: Terminal, *, browser: bool):
        self._terminal = terminal
        self._browser = browser

    async def show(self, url: str, *, code: str | None = None) -> None:
        opened = self._browser and open_page(url)
        self.tell("Your browser opens this page:" if opened else "Open this page:")
        self.tell(f"  {url}")
        if code is not None:
            self.tell(f"and type in this code: {code}")
        self.tell("Waiting for you to allow the access … (Ctrl+C gives up)")

    async def paste(self, wrong: str) -> str | None:
        if wrong:
            self.tell(wrong)
        return await self._terminal.ask("If nothing happens, paste the address where the browser ended: ")

    async def ask(self, title: str, placeholder: str = "", *, secret: bool = False) -> str | None:
        hint = f" ({placeholder})" if placeholder else ""
        return await self._terminal.ask(f"{title}{hint}: ", secret=secret)

    def tell(self, text: str) -> None:
        self._terminal.tell(text)


async def choose(terminal: Terminal, names: Sequence[str]) -> int | None:
    """The place of the name that people choose by its number; None for nobody's answer."""
    width = len(str(len(names)))
    for number, name in enumerate(names, 1):
        terminal.tell(f"{number:{width + 2}}  {name}")
    while (answer := await terminal.ask(f"Number (1-{len(names)}): ")) is not None:
        text = answer.strip()
        if text.isascii() and text.isdigit() and 1 <= int(text) <= len(names):
            return int(text) - 1
        terminal.tell(f"Type a number from 1 to {len(names)}, or press Ctrl+C.")
    return None
