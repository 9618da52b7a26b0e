"""Settings: the user's file, the trusted project's over it, and our defaults under both."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from pi.platform.errors import ConfigError
from pi.platform.jsonc import loads_jsonc

Json = dict[str, Any]

DEFAULTS: dict[str, Any] = {
    "defaultProjectTrust": "ask",
    "followUpMode": "one-at-a-time",
    "httpIdleTimeoutMs": 300_000,
    "images.autoResize": True,
    "images.blockImages": False,
    "retry.baseDelayMs": 2_000,
    "retry.enabled": True,
    "retry.maxAgentDelayMs": 60_000,
    "retry.maxRetries": 3,
    "retry.provider.maxRetries": 0,
    "retry.provider.maxRetryDelayMs": 60_000,
    "steeringMode": "one-at-a-time",
}
COMBINED = (
    "packages",
    "extensions",
    "skills",
    "prompts",
    "themes",
)  # of both files, the project's first
USER_ONLY = ("defaultProjectTrust", "httpProxy")  # a project can't decide these


class Settings:
    """Settings by dotted path; keys that we don't know are kept and can be read like any other."""

    def __init__(
        self, user: Json | None = None, project: Json | None = None, warnings: list[str] | None = None
    ):
        self.warnings = warnings or []
        self._values = _merge(user or {}, _without(project or {}, USER_ONLY), top=True)

    def get(self, path: str, default: Any = None) -> Any:
        """The value at `path` ("retry.maxRetries"), its default from DEFAULTS, or the given one."""
        value: Any = self._values
        for key in path.split("."):
            value = cast(Json, value).get(key) if isinstance(value, dict) else None
        if value is not None:
            return value
        return DEFAULTS.get(path, default)

    def number(self, path: str, default: float = 0) -> int:
        """A count or a time in ms that can't be negative; anything else falls back to the default."""
        value = self.get(path, default)
        usable = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
        return int(value if usable else DEFAULTS.get(path, default))

    def flag(self, path: str) -> bool:
        """A switch; anything that isn't true or false falls back to the default."""
        value = self.get(path)
        return value if isinstance(value, bool) else bool(DEFAULTS.get(path, False))

    def text(self, path: str) -> str | None:
        """A text, or None."""
        value = self.get(path)
        return value if isinstance(value, str) and value else None

    def texts(self, path: str) -> list[str] | None:
        """A list of texts, without what else is in it, or None."""
        value = self.get(path)
        if not isinstance(value, list):
            return None
        return [item for item in cast(list[Any], value) if isinstance(item, str)]

    def idle_timeout_ms(self) -> int:
        """How long a provider may be silent; 0 means for ever."""
        return 0 if self.get("httpIdleTimeoutMs") == "disabled" else self.number("httpIdleTimeoutMs")


def user_settings_path(agent_dir: Path) -> Path:
    """The user's settings file."""
    return agent_dir / "settings.json"


def project_settings_path(cwd: Path) -> Path:
    """The project's settings file, obeyed only in a trusted project."""
    return cwd / ".pi" / "settings.json"


def read_settings(path: Path, warnings: list[str]) -> Json:
    """One settings file, migrated in memory; a broken one is left as it is, and said in `warnings`."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        warnings.append(f"Can't read {path}: {error.strerror}. Its settings are ignored.")
        return {}
    try:
        value = loads_jsonc(raw, source=str(path))
    except ConfigError as error:
        warnings.append(f"{error} Its settings are ignored until it is mended.")
        return {}
    if not isinstance(value, dict):
        warnings.append(f"{path} must hold a JSON object. Its settings are ignored until it is mended.")
        return {}
    return _migrated(cast(Json, value))


def load_settings(agent_dir: Path, cwd: Path | None) -> Settings:
    """The user's settings and, with a `cwd` that is trusted, the project's."""
    warnings: list[str] = []
    user = read_settings(user_settings_path(agent_dir), warnings)
    project = read_settings(project_settings_path(cwd), warnings) if cwd else {}
    return Settings(user, project, warnings)


def _merge(user: Json, project: Json, *, top: bool = False) -> Json:
    merged = dict(user)
    for key, value in project.items():
        mine = merged.get(key)
        if isinstance(mine, dict) and isinstance(value, dict):
            merged[key] = _merge(cast(Json, mine), cast(Json, value))
        elif top and key in COMBINED and isinstance(mine, list) and isinstance(value, list):
            merged[key] = [*cast(list[Any], value), *cast(list[Any], mine)]
        else:
            merged[key] = value
    return merged


def _without(values: Json, keys: tuple[str, ...]) -> Json:
    return {key: value for key, value in values.items() if key not in keys}


def _migrated(values: Mapping[str, Any]) -> Json:
    """The old spellings of the original's earlier versions."""
    now = dict(values)
    if "queueMode" in now:
        now.setdefault("steeringMode", now.pop("queueMode"))
    if isinstance(now.get("websockets"), bool):
        now.setdefault("transport", "websocket" if now.pop("websockets") else "sse")
    skills = now.get("skills")
    if isinstance(skills, dict):
        old = cast(Json, skills)
        now["skills"] = old.get("customDirectories", [])
        if "enableSkillCommands" in old:
            now.setdefault("enableSkillCommands", old["enableSkillCommands"])
    retry = now.get("retry")
    if isinstance(retry, dict) and "maxDelayMs" in retry:
        new = dict(cast(Json, retry))
        new["provider"] = {"maxRetryDelayMs": new.pop("maxDelayMs"), **new.get("provider", {})}
        now["retry"] = new
    return now
