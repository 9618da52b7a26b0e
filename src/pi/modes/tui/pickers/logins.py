"""Logging in and out on the screen: which provider, which way, and a model of it if there was none before."""

from pi.llm.auth.environment import missing_for_url
from pi.llm.auth.status import AuthStatus, auth_status, auth_statuses, find_provider, provider_name
from pi.llm.auth.store import ApiKeyEntry, OAuthEntry, read_auth
from pi.llm.logins import Method
from pi.llm.logins.doing import log_in, log_in_with_key, log_out
from pi.llm.patterns import Choice
from pi.llm.providers import PROVIDERS
from pi.llm.registry import ModelRegistry, is_keyless
from pi.modes.tui.commands.model import use
from pi.modes.tui.lines import clean
from pi.modes.tui.panels.asking import TextInput
from pi.modes.tui.pickers.login_dialog import DialogScreen, run_login
from pi.modes.tui.pickers.models import pick_model
from pi.modes.tui.pickers.providers import KEY, SERVER, Way, pick_provider, pick_way
from pi.modes.tui.stage import Stage
from pi.platform.browsing import open_page
from pi.platform.errors import PiError


async def log_in_to(stage: Stage, args: str) -> None:
    """Log in to the provider that is named or chosen; without a usable model, one of its models is used."""
    registry = stage.session.setup.registry
    registry.reload()  # another program may have logged in meanwhile
    if args:
        status = auth_status(registry, _known(registry, args))
    elif (picked := await pick_provider(stage, auth_statuses(registry), "Log in to")) is not None:
        status = picked
    else:
        return
    if await enter(stage, status):
        await use_one_of(stage, status.provider)


async def enter(stage: Stage, status: AuthStatus, *, keys: bool = True, accounts: bool = True) -> bool:
    """Get credentials of a provider, its list of models, too; False when people gave up. Raises PiError."""
    registry = stage.session.setup.registry
    way = await pick_way(stage, status, accounts=accounts, keys=keys)
    if way is None:
        return False
    if way == SERVER:
        await ask_server(stage, status.provider)
        return True
    done = await (_with_key(stage, status) if way == KEY else _with_account(stage, status, way))
    if not done:
        stage.notify("The login was given up. Nothing is stored.")
        return False
    registry.reload()
    what = "The key for" if way == KEY else "You are logged in to"
    stored = f" is stored in {registry.agent_dir / 'auth.json'}." if way == KEY else "."
    stage.notify(clean(f"{what} {status.title}{stored}"))
    await _fetch_list(stage, status.provider)
    return True


def has_model(stage: Stage) -> bool:
    """Whether the session has a model that can be asked."""
    model = stage.session.model
    return is_keyless(model.api) or stage.session.setup.registry.has_credentials(model.provider)


async def use_one_of(stage: Stage, provider: str) -> bool:
    """Where no model could be used, use the provider's usual one, as default, too; False without one."""
    registry = stage.session.setup.registry
    if has_model(stage) and stage.session.model.provider != provider:
        stage.notify(f"Its models are in /model now: /model {clean(provider)}")
        return True
    if has_model(stage) and registry.find(provider, stage.session.model.id) is not None:
        return True
    known = PROVIDERS.get(provider)
    models = registry.models_of(provider)
    if not models or not registry.has_credentials(provider):
        stage.notify(
            f"{clean(provider)} tells no models that could be used. Name some in models.json.", "warning"
        )
        return False
    usual = registry.find(provider, known.default_model) if known and known.default_model else None
    if usual is None and len(models) == 1:
        usual = models[0]
    if usual is not None:
        await use(stage, Choice(usual), default=True)
        return True
    picked = await pick_model(stage, provider=provider)
    if picked is not None:
        await use(stage, picked.choice, default=True)
    return picked is not None


async def ask_server(stage: Stage, provider: str) -> None:
    """Ask a server on the user's machine which models it has. Raises PiError when it doesn't answer."""
    from pi.llm.live import refresh_lists

    registry, name = stage.session.setup.registry, provider_name(provider)
    stage.working(f"Asking {name}…")
    try:
        (answer,) = await refresh_lists(registry, (provider,))
    finally:
        stage.working(None)
    if answer.outcome == "fetched":
        stage.notify(f"{name} answers: {answer.models} model{'' if answer.models == 1 else 's'}.")
        return
    known, config = PROVIDERS[provider], registry.configured(provider)
    place = (config and config.base_url) or known.base_url
    way = f"set {known.root_env} and start Pi again" if known.root_env else "say where it is in models.json"
    raise PiError(f"{name} doesn't answer at {place}. Start it, or {way}. {answer.fault}".rstrip())


async def log_out_of(stage: Stage, args: str) -> None:
    """Take out what is stored for a provider."""
    registry = stage.session.setup.registry
    registry.reload()
    entries, _ = read_auth(registry.agent_dir / "auth.json")
    if args:
        provider = find_provider(registry, args) or args
    elif not entries:
        stage.notify("Nothing is stored: keys in variables and in models.json are taken out there.")
        return
    else:
        statuses = [auth_status(registry, provider) for provider in entries]
        picked = await pick_provider(stage, statuses, "Log out of")
        if picked is None:
            return
        provider = picked.provider
    name = clean(provider_name(provider))
    if not await log_out(registry.agent_dir, provider):
        raise PiError(f"Nothing is stored for {name}. See /logout for what is.")
    registry.reload()
    what = "login" if isinstance(entries.get(provider), OAuthEntry) else "key"
    text = f"The {what} for {name} is no longer stored."
    if left := registry.source(provider):
        text += f" Credentials are still there{f', from {left[1]}' if left[1] else ''}."
    elif not has_model(stage):
        text += " The model can't be used any more: choose another with /model."
    stage.notify(text)


async def _with_account(stage: Stage, status: AuthStatus, method: Way) -> bool:
    registry = stage.session.setup.registry
    chosen: Method = "device" if method == "device" else "browser"

    async def work(screen: DialogScreen) -> None:
        own = registry.added_login(status.provider)
        await log_in(registry.agent_dir, status.provider, screen, chosen, login=own)

    return await run_login(stage, f"Log in to {clean(status.title)}", work, open_page)


async def _with_key(stage: Stage, status: AuthStatus) -> bool:
    """Ask for the key, and for what the provider's address needs besides."""
    registry, name = stage.session.setup.registry, clean(status.title)
    note = "It is not shown. $NAME takes it from a variable, !command from what a command prints."
    key = await stage.ask(TextInput(stage.keymap, f"API key for {name}", secret=True, note=note))
    if not key:
        return False
    entry = read_auth(registry.agent_dir / "auth.json")[0].get(status.provider)
    env = dict(entry.env) if isinstance(entry, ApiKeyEntry) else {}
    for variable in missing_for_url(status.provider, registry.env_of(status.provider)):
        value = await stage.ask(
            TextInput(stage.keymap, f"{variable} for {name}", note="Its address needs it.")
        )
        if not value:
            return False
        env[variable] = value.strip()
    await log_in_with_key(registry.agent_dir, status.provider, key, env=env or None)
    return True


async def _fetch_list(stage: Stage, provider: str) -> None:
    """The models of this account, where the provider tells them; the login counts without them, too."""
    from pi.llm.live import LISTS, refresh_lists

    registry = stage.session.setup.registry
    if provider not in LISTS or registry.env_of(provider).get("PI_OFFLINE"):
        return
    stage.working("Asking for its models…")
    try:
        proxy = stage.session.setup.settings.text("httpProxy")
        answers = await refresh_lists(registry, (provider,), proxy=proxy)
    finally:
        stage.working(None)
    for each in answers:
        if each.outcome == "failed":
            stage.notify(
                f"Its list of models wasn't had: {each.fault} Try again: pi update --models", "warning"
            )


def _known(registry: ModelRegistry, name: str) -> str:
    provider = find_provider(registry, name)
    if provider is None:
        raise PiError(f"There is no provider {clean(name)}. /login shows all of them.")
    return provider
