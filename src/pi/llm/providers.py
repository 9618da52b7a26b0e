"""The providers that Pi knows without any configuration, as data: where they are and which keys open them."""

from msgspec import Struct


class Provider(Struct, frozen=True):
    """One provider. `env` names the variables that may hold its key, the first that is set wins."""

    name: str
    api: str  # of most of its models; the catalog has the exceptions
    base_url: str
    env: tuple[str, ...]
    default_model: str
    bearer_env: tuple[str, ...] = ()  # likewise, looked at first, but sent as `Authorization: Bearer`


# In the order in which a first model is looked for.
PROVIDERS: dict[str, Provider] = {
    "anthropic": Provider(
        name="Anthropic",
        api="anthropic-messages",
        base_url="https://api.anthropic.com",
        env=("ANTHROPIC_OAUTH_TOKEN", "ANTHROPIC_API_KEY"),
        default_model="claude-opus-5-5",
        bearer_env=("ANTHROPIC_AUTH_TOKEN",),
    ),
    "openai": Provider(
        name="OpenAI",
        api="openai-responses",
        base_url="https://api.openai.com/v1",
        env=("OPENAI_API_KEY",),
        default_model="gpt-6.1-sol",
    ),
    "deepseek": Provider(
        name="DeepSeek",
        api="openai-completions",
        base_url="https://api.deepseek.com",
        env=("DEEPSEEK_API_KEY",),
        default_model="deepseek-v4-pro",
    ),
    "google": Provider(
        name="Google",
        api="google-generative-ai",
        base_url="https://generativelanguage.googleapis.com/v1beta",
        env=("GEMINI_API_KEY",),
        default_model="gemini-4-argon",
    ),
    "openrouter": Provider(
        name="OpenRouter",
        api="openai-completions",
        base_url="https://openrouter.ai/api/v1",
        env=("OPENROUTER_API_KEY",),
        default_model="moonshotai/kimi-k2.7-code",
    ),
    "groq": Provider(
        name="Groq",
        api="openai-completions",
        base_url="https://api.groq.com/openai/v1",
        env=("GROQ_API_KEY",),
        default_model="openai/gpt-oss-120b",
    ),
    "zai": Provider(
        name="Z.AI",
        api="openai-completions",
        base_url="https://api.z.ai/api/coding/paas/v4",
        env=("ZAI_API_KEY",),
        default_model="glm-5.3",
    ),
    "minimax": Provider(
        name="MiniMax",
        api="anthropic-messages",
        base_url="https://api.minimax.io/anthropic",
        env=("MINIMAX_API_KEY",),
        default_model="MiniMax-M3",
    ),
    "moonshotai": Provider(
        name="Moonshot AI",
        api="openai-completions",
        base_url="https://api.moonshot.ai/v1",
        env=("MOONSHOT_API_KEY",),
        default_model="kimi-k2.7-code",
    ),
    "kimi-coding": Provider(
        name="Kimi For Coding",
        api="anthropic-messages",
        base_url="https://api.kimi.com/coding",
        env=("KIMI_API_KEY",),
        default_model="kimi-for-coding",
    ),
}
