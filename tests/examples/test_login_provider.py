"""The example with a login of its own, beside a server that checks it: asked, stored, renewed, used."""

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from pi.llm.auth.status import auth_status
from pi.llm.logins.doing import log_in
from pi.llm.registry import MissingKeyError
from tests.examples.running import session_with
from tests.llm.oauth.authority import authority


class Browser:
    """A person whose browser opens each page, and allows all."""

    async def show(self, url: str, *, code: str | None = None) -> None:
        await asyncio.to_thread(lambda: urlopen(url).close())

    async def paste(self, wrong: str) -> str | None:
        return None

    async def ask(self, title: str, placeholder: str = "", *, secret: bool = False) -> str | None:
        raise AssertionError("this login asks nothing")

    def tell(self, text: str) -> None: ...


def test_a_login_of_an_extension_opens_its_models_and_is_renewed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> tuple[Any, ...]:
        async with session_with("login_provider", None, tmp_path) as session:
            registry = session.setup.registry
            model = registry.find("forge", "small")
            assert model is not None
            with pytest.raises(MissingKeyError):
                await registry.require_credentials(model)
            login = registry.added_login("forge")
            await log_in(tmp_path / "agent", "forge", Browser(), login=login)
            registry.reload()
            first = await registry.require_credentials(model)
            path = tmp_path / "agent" / "auth.json"
            stored = json.loads(path.read_text())
            path.write_text(json.dumps({"forge": stored["forge"] | {"expires": 1}}))
            registry.reload()
            second = await registry.require_credentials(model)
            return first.api_key, second.api_key, auth_status(registry, "forge").auth_type

    with authority() as server:
        monkeypatch.setenv("FORGE_URL", server.url)

        assert asyncio.run(run()) == ("access-2", "access-3", "oauth")
        assert server.refreshes() == 1
