"""`ctx.secrets`: the keys of an extension, from the environment or a file that only the user can read."""

import os
from pathlib import Path
from typing import Any

import msgspec

from pi.llm.auth.values import resolve_value
from pi.platform.errors import ConfigError
from pi.platform.locks import update_file


class Secrets:
    """Keys by name. `get("brave_key")` looks for the variable BRAVE_KEY first, then in `secrets.json`."""

    def __init__(self, agent_dir: Path, owner: str):
        self._path = agent_dir / "secrets.json"
        self._owner = owner

    def get(self, name: str) -> str | None:
        """A key, or None. In the file it may be `$NAME` or `!command`, as in auth.json."""
        if value := os.environ.get(name.upper().replace("-", "_")):
            return value
        value = (
            self._read(self._path.read_bytes() if self._path.exists() else b"").get(self._owner, {}).get(name)
        )
        return resolve_value(value, os.environ, cached=True) if isinstance(value, str) else None

    def set(self, name: str, value: str | None) -> None:
        """Keep a key, or forget it. Raises ConfigError when the file can't be read or written."""

        def changed(data: bytes | None) -> bytes:
            everything = self._read(data or b"")
            own = {**everything.get(self._owner, {}), name: value}
            everything[self._owner] = {key: text for key, text in own.items() if text is not None}
            return msgspec.json.format(msgspec.json.encode(everything), indent=2) + b"\n"

        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        update_file(self._path, changed, mode=0o600)

    def _read(self, data: bytes) -> dict[str, dict[str, Any]]:
        try:
            return msgspec.json.decode(data or b"{}", type=dict[str, dict[str, Any]])
        except msgspec.DecodeError as error:
            raise ConfigError(f"{self._path} can't be read: {error}. Mend it or move it away.") from None
