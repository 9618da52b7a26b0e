"""A login's questions as requests to the client; a client that can open pages is asked to."""

from pi.modes.rpc.ui import RpcUI


class RpcScreen:
    """See `pi.llm.logins.LoginScreen`."""

    def __init__(self, ui: RpcUI):
        self._ui = ui

    async def show(self, url: str, *, code: str | None = None) -> None:
        self._ui.open_url(url, code)

    async def paste(self, wrong: str) -> str | None:
        title = wrong or "If the browser doesn't come back by itself, paste the address where it ended"
        return await self._ui.input(title, "http://localhost/…?code=…", None)

    async def ask(self, title: str, placeholder: str = "", *, secret: bool = False) -> str | None:
        if secret:
            return await self._ui.secret(title, placeholder)
        return await self._ui.input(title, placeholder, None)

    def tell(self, text: str) -> None:
        self._ui.notify(text, "info")
