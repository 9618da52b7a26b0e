"""Settings: the user's file, the trusted project's over it, and our defaults under both."""

from collections.abc import Mapping, Sequence
from math import inf
from pathlib import Path
from typing import Any, cast

from msgspec import Struct

from pi.platform.errors import ConfigError
from pi.platform.jsonc import loads_jsonc

Json = dict[str, Any]

# What the original does without a file; the lists are not to be changed in place.
DEFAULTS: dict[str, Any] = {
    "autocompleteMaxVisible": 5,
    "branchSummary.reserveTokens": 16_384,
    "branchSummary.skipPrompt": False,
    "cacheWarming": "idle",
    "codemode.inlineBudget": 3_000,
    "codemode.mode": "on",
    "collapseChangelog": False,
    "compaction.enabled": True,
    "compaction.keepRecentTokens": 20_000,
    "compaction.reserveTokens": 16_384,
    "defaultProjectTrust": "ask",
    "defaultThinkingLevel": "medium",
    "doubleEscapeAction": "tree",
    "editorPaddingX": 0,
    "enableAnalytics": False,
    "enableInstallTelemetry": True,
    "enableSkillCommands": True,
    "extensions": [],
    "followUpMode": "one-at-a-time",
    "fullscreenCopyOnSelect": True,
    "fullscreenExitOutput": "transcript",
    "fullscreenScrollbar": "auto",
    "fullscreenWheelScrollLines": "auto",
    "hideThinkingBlock": False,
    "httpIdleTimeoutMs": 300_000,
    "images.autoResize": True,
    "images.blockImages": False,
    "markdown.codeBlockIndent": "  ",
    "markdown.mermaid": "streaming",
    "outputPad": 1,
    "packages": [],
    "prompts": [],
    "quietStartup": False,
    "retry.baseDelayMs": 2_000,
    "retry.enabled": True,
    "retry.maxAgentDelayMs": 60_000,
    "retry.maxRetries": 3,
    "retry.provider.maxRetries": 0,
    "retry.provider.maxRetryDelayMs": 60_000,
    "sessionShareDestination": "auto",
    "showCacheMissNotices": False,
    "showHardwareCursor": False,
    "skills": [],
    "steeringMode": "one-at-a-time",
    "terminal.clearOnShrink": False,
    "terminal.hyperlinks": "auto",
    "terminal.imageWidthCells": 60,
    "terminal.images": "auto",
    "terminal.showImages": True,
    "terminal.showTerminalProgress": False,
    "terminal.trueColor": "auto",
    "theme": "system",
    "themes": [],
    "transport": "auto",
    "treeFilterMode": "default",
    "tuiMode": "fullscreen",
    "warnings.anthropicExtraUsage": True,
    "websocketConnectTimeoutMs": 15_000,
}
LIMITS = {  # numbers beyond them count as the nearest
    "autocompleteMaxVisible": (3, 20),
    "editorPaddingX": (0, 3),
    "fullscreenWheelScrollLines": (1, 100),
    "outputPad": (0, 1),
    "terminal.imageWidthCells": (1, 10_000),
}
COMBINED = (
    "packages",
    "extensions",
    "skills",
    "prompts",
    "themes",
)  # of both files, the project's first
# A project can't decide these: they cost money, run programs or widen its own rights.
USER_ONLY = ("budgets", "cacheWarming", "defaultProjectTrust", "httpProxy", "selfUpdateCommand")


class SettingsFiles(Struct, frozen=True):
    """Where settings are saved; the project's only when it is trusted."""

    user: Path
    project: Path | None = None


class Settings:
    """Settings by dotted path; keys that we don't know are kept and can be read like any other."""

    def __init__(
        self,
        user: Json | None = None,
        project: Json | None = None,
        warnings: list[str] | None = None,
        *,
        files: SettingsFiles | None = None,
    ):
        self.warnings = warnings or []
        self._user = user or {}
        self._project = project or {}
        self._files = files
        self._values = self._merged()

    def save(self, setting: str | tuple[str, ...], value: Any, *, project: bool = False) -> None:
        """Write one value to the user's file, or the project's, and use it from now on; None takes it out.

        `setting` is a dotted path, or its keys one by one where they have dots. Without files it is kept in
        memory. Raises ConfigError and LockedError; then nothing has changed, neither there nor here.
        """
        keys = tuple(setting.split(".")) if isinstance(setting, str) else setting
        if self._files is not None:
            path = self._files.project if project else self._files.user
            if path is None:
                raise ConfigError(
                    "The project isn't trusted, so its settings are not written. Trust it first."
                )
            from pi.harness.settings_writer import save_setting  # most runs write nothing

            save_setting(path, keys, value, migrate=_migrated)
        if project:
            self._project = _with(self._project, keys, value)
        else:
            self._user = _with(self._user, keys, value)
        self._values = self._merged()

    def with_project(self, cwd: Path) -> "Settings":
        """The user's settings under those of the project at `cwd`, which must be trusted."""
        warnings = list(self.warnings)
        path = project_settings_path(cwd)
        files = self._files and SettingsFiles(self._files.user, path)
        return Settings(self._user, read_settings(path, warnings), warnings, files=files)

    def of_project(self) -> "Settings":
        """The project's settings alone."""
        return Settings(self._project)

    def _merged(self) -> Json:
        return _merge(self._user, _without(self._project, USER_ONLY), top=True)

    def get(self, path: str, default: Any = None) -> Any:
        """The value at `path` ("retry.maxRetries"), its default from DEFAULTS, or the given one."""
        value = self.get_at(path.split("."))
        return DEFAULTS.get(path, default) if value is None else value

    def get_at(self, keys: Sequence[str]) -> Any:
        """The value at these keys, which may have dots in them; None when there is none."""
        value: Any = self._values
        for key in keys:
            value = cast(Json, value).get(key) if isinstance(value, dict) else None
        return value

    def copy(self) -> Json:
        """All settings of the files, merged; changing them changes nothing here."""
        from copy import deepcopy

        return deepcopy(self._values)

    def number(self, path: str, default: float = 0) -> int:
        """A count or a time in ms that can't be negative, within its LIMITS; else its default."""
        value = self.get(path, default)
        usable = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < inf
        low, high = LIMITS.get(path, (0, inf))
        return int(min(max(value, low), high) if usable else DEFAULTS.get(path, default))

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
        return _texts(self.get(path))

    def texts_of_each(self, key: str) -> list[list[str]]:
        """The lists that the user, then the project, give to `key`; the second builds on the first."""
        found = (_texts(values.get(key)) for values in (self._user, self._project))
        return [texts for texts in found if texts is not None]

    def timeout_ms(self, path: str) -> int:
        """A time in ms after which waiting ends; 0 ("disabled" in the file) means never."""
        value = self.get(path)
        return 0 if isinstance(value, str) and value.strip().lower() == "disabled" else self.number(path)

    def idle_timeout_ms(self) -> int:
        """How long a provider may be silent; 0 means for ever."""
        return self.timeout_ms("httpIdleTimeoutMs")


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
    if not raw:
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
    path = user_settings_path(agent_dir)
    user = Settings(read_settings(path, warnings), warnings=warnings, files=SettingsFiles(path))
    return user.with_project(cwd) if cwd else user


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


def _texts(value: Any) -> list[str] | None:
    if not isinstance(value, list):
        return None
    return [item for item in cast(list[Any], value) if isinstance(item, str)]


def _without(values: Json, keys: tuple[str, ...]) -> Json:
    return {key: value for key, value in values.items() if key not in keys}


def _with(values: Json, keys: tuple[str, ...], value: Any) -> Json:
    """A copy with `value` at that place, or without anything there for None."""
    key, rest = keys[0], keys[1:]
    if rest:
        inner = values.get(key)
        inner = cast(Json, inner) if isinstance(inner, dict) else {}
        if value is None and not inner:
            return values
        value = _with(inner, rest, value)
    return _without(values, (key,)) if value is None else {**values, key: value}


def _migrated(values: Mapping[str, Any]) -> Json:
    """The old spellings of the original's earlier versions in today's."""
    now = dict(values)
    if "queueMode" in now and "steeringMode" not in now:
        now["steeringMode"] = now.pop("queueMode")
    if isinstance(now.get("websockets"), bool) and "transport" not in now:
        now["transport"] = "websocket" if now.pop("websockets") else "sse"
    if isinstance(now.get("skills"), dict):
        old = cast(Json, now.pop("skills"))
        if isinstance(folders := old.get("customDirectories"), list) and folders:
            now["skills"] = folders
        if "enableSkillCommands" in old:
            now.setdefault("enableSkillCommands", old["enableSkillCommands"])
    if isinstance(now.get("retry"), dict):
        now["retry"] = _migrated_retry(cast(Json, now["retry"]))
    return now


def _migrated_retry(retry: Json) -> Json:
    delay = retry.get("maxDelayMs")
    now = _without(retry, ("maxDelayMs",))
    provider = now.get("provider")
    provider = cast(Json, provider) if isinstance(provider, dict) else {}
    if isinstance(delay, int | float) and provider.get("maxRetryDelayMs") is None:
        now["provider"] = {**provider, "maxRetryDelayMs": delay}
    return now
