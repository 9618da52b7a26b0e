"""From what people write to a model: `provider/id`, a part of a name, a glob, and `:level` behind them."""

import re
from collections.abc import Sequence

from msgspec import Struct, structs

from pi.llm.messages import ThinkingLevel
from pi.llm.models import LEVELS, Model
from pi.llm.providers import PROVIDERS
from pi.llm.registry import ModelRegistry
from pi.platform.errors import ConfigError
from pi.platform.globs import glob_matches

# The order in which people sort names: punctuation, digits, letters regardless of case.
_PUNCTUATION = str.maketrans(
    {char: chr(at) for at, char in enumerate("_-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$", 1)}
)


class Choice(Struct, frozen=True):
    """A model that was chosen; `thinking` is None when the choice said nothing about it.

    `role` is the name of the role that it was chosen by.
    """

    model: Model
    thinking: ThinkingLevel | None = None
    warnings: tuple[str, ...] = ()
    role: str | None = None


def resolve_model(
    registry: ModelRegistry, *, provider: str | None, pattern: str, thinking: ThinkingLevel | None = None
) -> Choice:
    """The model that `--provider`, `--model` and `--thinking` mean, whether it has credentials or not.

    `@name` is the model of a role. Raises ConfigError for an unknown provider or role, no match, or an id
    that several providers have.
    """
    if provider is None and pattern.startswith("@") and (choice := _of_role(registry, pattern, ())):
        return choice
    home, text = _home(registry, provider, pattern)
    if home is None:
        choice = _exact_anywhere(registry, pattern) or _match(pattern, registry.all())
        if choice is None:
            raise _not_found(pattern)
        return choice
    exact = registry.find(home, text)
    choice = Choice(exact) if exact else _match(text, registry.models_of(home))
    inferred = provider is None
    if choice is not None:
        return (inferred and _usable_namesake(registry, pattern, choice.model)) or choice
    return (inferred and _foreign(registry, pattern)) or _custom(registry, home, text, thinking)


def resolve_scope(registry: ModelRegistry, patterns: Sequence[str]) -> tuple[list[Choice], list[str]]:
    """Available models that `--models` or `enabledModels` name, in the patterns' order, and warnings."""
    models = registry.available()
    chosen: dict[str, Choice] = {}
    warnings: list[str] = []
    for pattern in patterns:
        try:
            found = (
                _scope_glob(pattern, models) if _is_glob(pattern) else _scope_name(registry, pattern, models)
            )
        except ConfigError as error:  # a role that isn't there
            warnings.append(str(error))
            continue
        if not found:
            warnings.append(f'No models match pattern "{pattern}"')
        elif len({choice.model.provider for choice in found}) > 1 and not _is_glob(pattern):
            names = ", ".join(sorted((choice.model.provider for choice in found), key=_order))
            warnings.append(
                f'Pattern "{pattern}" matches several providers: {names}. Use provider/id to choose one.'
            )
        for choice in found:
            warnings += [warning for warning in choice.warnings if warning not in warnings]
            chosen.setdefault(choice.model.ref, structs.replace(choice, warnings=()))
    return list(chosen.values()), warnings


def initial_model(
    registry: ModelRegistry,
    *,
    scoped: Sequence[Choice],
    settings_default: tuple[str | None, str | None],
    continuing: bool,
) -> Choice | None:
    """The model to begin with when nobody named one: scoped, saved, a provider's default, any available.

    Of the scoped ones it is the saved one, otherwise the first.
    """
    if scoped and not continuing:
        saved = (choice for choice in scoped if (choice.model.provider, choice.model.id) == settings_default)
        return next(saved, scoped[0])
    provider, id = settings_default
    if id and id.startswith("@") and (choice := _of_role(registry, id, ())):
        return choice
    if provider and id and registry.has_credentials(provider) and (model := registry.find(provider, id)):
        return Choice(model)
    for provider, known in PROVIDERS.items():
        if registry.has_credentials(provider) and (model := registry.find(provider, known.default_model)):
            return Choice(model)
    first = next(registry.each_available(), None)
    return Choice(first) if first else None


def list_models(registry: ModelRegistry, search: str | None = None) -> str:
    """The table of available models that `--list-models` prints, without a newline at its end."""
    models = registry.available()
    if not models:
        return (
            "No models available. Set a provider's key, for example ANTHROPIC_API_KEY, or add a provider to "
            "models.json."
        )
    if search:
        models = [model for model in models if _fuzzy(search, f"{model.provider} {model.id}")]
    if not models:
        return f'No models matching "{search}"'
    models.sort(key=lambda model: (_order(model.provider), _order(model.id)))
    rows = [("provider", "model", "context", "max-out", "thinking", "images"), *map(_row, models)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows
    )


def _of_role(registry: ModelRegistry, pattern: str, seen: tuple[str, ...]) -> Choice | None:
    """The model of a role; a role may name another. None for what only looks like one, such as `@cf/…`."""
    from pi.llm.roles import role_reference

    if (reference := role_reference(pattern)) is None:
        return None
    name, suffix = reference
    role = registry.roles.get(name)
    if role is None:
        known = ", ".join(f"@{each}" for each in registry.roles) or "none"
        raise ConfigError(f'No role "@{name}" in the settings (roles: {known}). Add it to "roles" there.')
    if name in seen:
        raise ConfigError(f'The role "@{name}" names itself. Give it a model in the settings.')
    level = _level(suffix or "")
    if suffix and level is None:
        raise ConfigError(f'Unknown thinking level "{suffix}" in "{pattern}". Known: {", ".join(LEVELS)}.')
    inner = _of_role(registry, role.model, (*seen, name)) if role.model.startswith("@") else None
    inner = inner or resolve_model(registry, provider=None, pattern=role.model)
    return structs.replace(inner, thinking=level or role.thinking or inner.thinking, role=name)


def _home(registry: ModelRegistry, provider: str | None, pattern: str) -> tuple[str | None, str]:
    """The provider to look at, None for all, and the pattern without its name."""
    if provider is not None:
        home = registry.provider_id(provider)
        if home is None:
            raise ConfigError(
                f'Unknown provider "{provider}". Use --list-models to see available providers/models.'
            )
        has_prefix = pattern.lower().startswith(f"{home.lower()}/")
        return home, pattern[len(home) + 1 :] if has_prefix else pattern
    prefix, slash, rest = pattern.partition("/")
    home = registry.provider_id(prefix) if slash else None
    return home, rest if home else pattern


def _exact_anywhere(registry: ModelRegistry, id: str) -> Choice | None:
    """The model with this id, whoever has it. Of several the only usable one, or an error."""
    named = [model for model in registry.all() if model.id.lower() == id.lower()]
    usable = [model for model in named if registry.has_credentials(model.provider)]
    if len(named) < 2 or len(usable) == 1:
        return Choice((usable or named)[0]) if named else None
    names = ", ".join(sorted((model.ref for model in named), key=_order))
    hint = "More than one matching provider is" if usable else "No matching provider is"
    raise ConfigError(
        f'Model "{id}" is ambiguous across providers: {names}. {hint} authenticated. '
        "Use --provider or provider/model."
    )


def _usable_namesake(registry: ModelRegistry, pattern: str, model: Model) -> Choice | None:
    """`zai/glm-5` is provider and id, but also an id at a gateway: that counts if only it is usable."""
    if registry.has_credentials(model.provider):
        return None
    namesakes = [other for other in registry.each_available() if other.id.lower() == pattern.lower()]
    return Choice(namesakes[0]) if len(namesakes) == 1 else None


def _foreign(registry: ModelRegistry, pattern: str) -> Choice | None:
    """What looks like a provider's name may be a part of another provider's id (`openai/gpt-4o:extended`)."""
    models = registry.all()
    exact = next((model for model in models if model.id.lower() == pattern.lower()), None)
    return Choice(exact) if exact else _match(pattern, models)


def _custom(registry: ModelRegistry, provider: str, text: str, thinking: ThinkingLevel | None) -> Choice:
    """An id that we don't know at a provider that we know: like its default model, and with a warning."""
    base, level = (text, None) if thinking else _split_level(text)
    known = PROVIDERS.get(provider)
    default = registry.find(provider, known.default_model) if known else None
    model = structs.replace(default or registry.models_of(provider)[0], id=base, name=base)
    if (thinking or level or "off") != "off":
        model = structs.replace(model, reasoning=True)
    warning = f'Model "{base}" not found for provider "{provider}". Using custom model id.'
    return Choice(model, level, (warning,))


def _not_found(pattern: str) -> ConfigError:
    return ConfigError(f'Model "{pattern}" not found. Use --list-models to see available models.')


def _match(text: str, models: Sequence[Model], *, lenient: bool = False) -> Choice | None:
    """The best match of a text, then of the text before a colon and a thinking level.

    `lenient` takes anything behind the colon, with a warning; otherwise it belongs to an id that isn't there.
    """
    model = _reference(text, models) or _best([model for model in models if _contains(model, text)])
    if model is not None:
        return Choice(model)
    base, colon, suffix = text.rpartition(":")
    level = _level(suffix)
    if not colon or not (level or lenient):
        return None
    inner = _match(base, models, lenient=lenient)
    if inner is None:
        return None
    if level:
        return Choice(inner.model, None if inner.warnings else level, inner.warnings)
    warning = f'Invalid thinking level "{suffix}" in pattern "{text}". Using default instead.'
    return Choice(inner.model, None, (warning,))


def _reference(text: str, models: Sequence[Model]) -> Model | None:
    """The one model whose `provider/id` or id is exactly this, whatever the case."""
    wanted = text.strip().lower()
    found = [model for model in models if model.ref.lower() == wanted]
    found = found or [model for model in models if model.id.lower() == wanted]
    return found[0] if len(found) == 1 else None


def _contains(model: Model, text: str) -> bool:
    return text.lower() in model.id.lower() or text.lower() in model.name.lower()


def _best(models: Sequence[Model]) -> Model | None:
    """A name before a dated version of it, then the one that sorts last: versions count up."""
    aliases = [model for model in models if not re.search(r"-\d{8}$", model.id)]
    return max(aliases or models, key=lambda model: _order(model.id), default=None)


def _split_level(text: str) -> tuple[str, ThinkingLevel | None]:
    base, colon, suffix = text.rpartition(":")
    level = _level(suffix) if colon else None
    return (base, level) if level else (text, None)


def _level(text: str) -> ThinkingLevel | None:
    return next((level for level in LEVELS if level == text), None)


def _order(text: str) -> tuple[str, str]:
    """A sort key as people expect it: letters regardless of case, small ones first if all else is equal."""
    return text.translate(_PUNCTUATION).lower(), text.swapcase()


def _is_glob(pattern: str) -> bool:
    return not {*"*?["}.isdisjoint(pattern)


def _scope_name(registry: ModelRegistry, pattern: str, models: list[Model]) -> list[Choice]:
    if pattern.startswith("@") and (choice := _of_role(registry, pattern, ())):
        return [choice] if choice.model in models else []
    whole = [Choice(model) for model in models if model.id.lower() == pattern.lower()]
    base, level = _split_level(pattern)
    same = whole or [Choice(model, level) for model in models if model.id.lower() == base.lower()]
    if len(same) > 1:
        return same
    choice = _match(pattern, models, lenient=True)
    return [choice] if choice else []


def _scope_glob(pattern: str, models: list[Model]) -> list[Choice]:
    glob, level = _split_level(pattern)
    exact = _reference(glob, models)  # an id may have brackets of its own
    if exact:
        return [Choice(exact, level)]
    glob = glob.lower()
    return [
        Choice(model, level)
        for model in models
        if glob_matches(glob, model.ref.lower()) or glob_matches(glob, model.id.lower())
    ]


def _fuzzy(search: str, text: str) -> bool:
    """Whether the letters of each word of the search come in the text in order, or with digits first."""
    return all(_in_order(word, text.lower()) for word in re.split(r"[\s/]+", search.lower()) if word)


def _in_order(word: str, text: str) -> bool:
    swapped = re.sub(r"^([a-z]+)([0-9]+)$|^([0-9]+)([a-z]+)$", r"\2\1\4\3", word)
    rest, rest_swapped = iter(text), iter(text)
    return all(char in rest for char in word) or all(char in rest_swapped for char in swapped)


def _row(model: Model) -> tuple[str, ...]:
    yes = {True: "yes", False: "no"}
    limits = (_tokens(model.context_window), _tokens(model.max_tokens))
    return (model.provider, model.id, *limits, yes[model.reasoning], yes["image" in model.input])


def _tokens(count: int) -> str:
    """128000 → 128K, 16384 → 16.4K, 1000000 → 1M."""
    for size, unit in ((1_000_000, "M"), (1_000, "K")):
        if count >= size:
            return f"{count // size}{unit}" if count % size == 0 else f"{count / size:.1f}{unit}"
    return str(count)
