"""What Pi knows to be secret, and taking it out of a session before anything of it is shown."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import msgspec

from pi.harness.storage.entries import UNREADABLE, dump_json, load_json
from pi.llm.auth.values import known_value
from pi.platform.errors import ConfigError
from pi.platform.jsonc import loads_jsonc

REDACTED = "[redacted]"
SHORTEST = 8  # characters; shorter values are words as often as keys, and would make holes in every text

_SECRET_NAME = re.compile(r"(?i)(key|token|secret|password|passwd|credential|authorization|cookie)s?$")
_STORED = ("key", "access", "refresh")  # fields of auth.json
_PATH = re.compile(r"[~.]?[/\\]|[A-Za-z]:\\")
_LONG_LINE = 16  # characters of one line of a key that has several


class Redactor:
    """Texts and lines of a session without certain values, also where these stand escaped."""

    def __init__(self, secrets: Iterable[str]):
        forms = {form for secret in secrets for form in _forms(secret)}
        self._secrets = sorted(forms, key=lambda form: (-len(form), form))

    def text(self, text: str) -> str:
        """The text with `[redacted]` for each secret in it."""
        for secret in self._secrets:
            if secret in text:
                text = text.replace(secret, REDACTED)
        return text

    def line(self, raw: bytes) -> bytes:
        """The JSON of a line, likewise; what is no JSON object is empty."""
        if not self._secrets:
            return raw
        try:
            value = msgspec.json.decode(raw)
        except UNREADABLE:
            value = load_json(raw)
        if value is None:
            return b""
        try:
            clean = self._value(value)
        except RecursionError:  # deeper than anything that we have written
            return b""
        return raw if clean is value else dump_json(clean)

    def _value(self, value: Any) -> Any:
        """The value itself where there is nothing to take out."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            items = cast(list[Any], value)
            cleaned = [self._value(item) for item in items]
            return cleaned if _differ(cleaned, items) else items
        if isinstance(value, dict):
            fields = cast(dict[str, Any], value)
            clean = {self.text(key): self._value(item) for key, item in fields.items()}
            return clean if _differ([*clean, *clean.values()], [*fields, *fields.values()]) else fields
        return value


def _differ(some: Sequence[object], others: Sequence[object]) -> bool:
    return len(some) != len(others) or any(one is not other for one, other in zip(some, others, strict=True))


def known_secrets(agent_dir: Path, env: Mapping[str, str]) -> list[str]:
    """Keys in auth.json, models.json and secrets.json, and what the environment has under such names.

    No command of these files is run: of those only the answers that this process has already are known.
    """
    found = [
        *_stored(_object(agent_dir / "auth.json"), env),
        *_configured(_object(agent_dir / "models.json"), env),
        *_of_extensions(_object(agent_dir / "secrets.json"), env),
        *_of_environment(env),
    ]
    return [value for value in dict.fromkeys(found) if value and not _PATH.match(value)]


def _stored(auth: dict[str, Any], env: Mapping[str, str]) -> Iterator[str]:
    for entry in map(_fields, auth.values()):
        own = {name: value for name, value in _fields(entry.get("env")).items() if isinstance(value, str)}
        for name, value in {**own, **entry}.items():
            if name in _STORED or _SECRET_NAME.search(name):
                yield from _resolved(value, {**env, **own})


def _configured(models: dict[str, Any], env: Mapping[str, str]) -> Iterator[str]:
    for provider in map(_fields, _fields(models.get("providers")).values()):
        yield from _resolved(provider.get("apiKey"), env)
        described = [provider, *map(_fields, _items(provider.get("models")))]
        described += map(_fields, _fields(provider.get("modelOverrides")).values())
        for headers in (_fields(each.get("headers")) for each in described):
            for name, value in headers.items():
                if _SECRET_NAME.search(name):
                    for text in _resolved(value, env):
                        yield text.removeprefix("Bearer ").removeprefix("Basic ")


def _of_extensions(secrets: dict[str, Any], env: Mapping[str, str]) -> Iterator[str]:
    for names in map(_fields, secrets.values()):
        for name, value in names.items():
            yield from _resolved(value, env)
            yield env.get(name.upper().replace("-", "_"), "")  # beats the file, as `ctx.secrets` has it


def _of_environment(env: Mapping[str, str]) -> Iterator[str]:
    from pi.llm.providers import PROVIDERS

    keys = {name for provider in PROVIDERS.values() for name in (*provider.env, *provider.bearer_env)}
    for name, value in env.items():
        if name in keys or _SECRET_NAME.search(name):
            yield value


def _resolved(value: Any, env: Mapping[str, str]) -> Iterator[str]:
    if isinstance(value, str) and (known := known_value(value, env)):
        yield known


def _forms(secret: str) -> Iterator[str]:
    """The secret and what it becomes in JSON and in addresses; of one with several lines also each line."""
    secret = secret.strip()
    if len(secret) < SHORTEST:
        return
    yield secret
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield quote(secret, safe="")
    if "\n" in secret:
        yield from (line for line in map(str.strip, secret.splitlines()) if len(line) >= _LONG_LINE)


def _object(path: Path) -> dict[str, Any]:
    """What a file holds; nothing where it isn't there, or its owner has to mend it first."""
    try:
        return _fields(loads_jsonc(path.read_bytes(), source=str(path)))
    except (OSError, ConfigError):
        return {}


def _fields(value: Any) -> dict[str, Any]:
    return cast(dict[str, Any], value) if isinstance(value, dict) else {}


def _items(value: Any) -> list[Any]:
    return cast(list[Any], value) if isinstance(value, list) else []
