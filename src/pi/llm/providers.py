"""The providers that Pi knows without any configuration, as data: where they are and which keys open them."""

from msgspec import Struct


class Provider(Struct, frozen=True):
    """One provider. `env` names the variables that may hold its key, the first that is set wins.

    `{NAME}` in its base URLs, here and in the catalog, stands for a variable of `url_env`: it needs them all.
    """

    name: str
    api: str  # of most of its models; the catalog has the exceptions
    base_url: str
    env: tuple[str, ...]
    default_model: str  # "" where its first model is as good as any
    bearer_env: tuple[str, ...] = ()  # likewise, looked at first, but sent as `Authorization: Bearer`
    url_env: tuple[str, ...] = ()
    key_header: str | None = None  # carries `Bearer KEY` instead of what the protocol sends
    headers: dict[str, str] = {}  # of its own; see `pi.llm.provider_headers` for what braces stand for
    # Credentials that its protocol finds by itself: they are there when one of these groups is complete. A
    # group has names of variables and files, by their first character.
    ambient: tuple[tuple[str, ...], ...] = ()
    # A server of the user's own: it needs no key, and its models are those that it has (see `pi.llm.live`).
    # The variable, where there is one, holds its root address.
    local: bool = False
    root_env: str | None = None


RENAMED = {"azure-openai-responses": "azure"}  # old names of providers, which files and flags may still have
_ADC = "~/.config/gcloud/application_default_credentials.json"  # where gcloud leaves a login

# In the order in which a first model is looked for.
PROVIDERS: dict[str, Provider] = {
    "amazon-bedrock": Provider(
        name="Amazon Bedrock",
        api="bedrock-converse-stream",
        base_url="https://bedrock-runtime.us-east-1.amazonaws.com",
        env=("AWS_BEARER_TOKEN_BEDROCK",),
        default_model="us.anthropic.claude-opus-5-5",
        ambient=(
            ("AWS_PROFILE",),
            ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
            ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",),
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI",),
            ("AWS_WEB_IDENTITY_TOKEN_FILE",),
        ),
    ),
    "ant-ling": Provider(
        name="Ant Ling",
        api="openai-completions",
        base_url="https://api.ant-ling.com/v1",
        env=("ANT_LING_API_KEY",),
        default_model="Ring-2.6-1T",
    ),
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
    "azure": Provider(
        name="Azure",
        api="azure-openai-responses",
        base_url="",  # the resource's own, which the protocol knows from AZURE_OPENAI_* variables
        env=("AZURE_OPENAI_API_KEY",),
        default_model="gpt-6.1-sol",
    ),
    "openai-codex": Provider(
        name="OpenAI Codex",
        api="openai-codex-responses",
        base_url="https://chatgpt.com/backend-api",
        env=(),
        default_model="gpt-6.1-sol",
    ),
    "radius": Provider(
        name="Radius",
        api="pi-messages",
        base_url="https://radius.pi.dev/v1",
        env=("RADIUS_API_KEY",),
        default_model="balanced",
    ),
    "nvidia": Provider(
        name="NVIDIA",
        api="openai-completions",
        base_url="https://integrate.api.nvidia.com/v1",
        env=("NVIDIA_API_KEY",),
        default_model="nvidia/nemotron-3.5-super-vl-120b-a12b",
        headers={"NVCF-POLL-SECONDS": "3600"},  # the longest wait for the head of an answer
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
    "google-vertex": Provider(
        name="Google Vertex AI",
        api="google-vertex",
        base_url="https://{location}-aiplatform.googleapis.com",  # the protocol knows the location
        env=("GOOGLE_CLOUD_API_KEY",),
        default_model="gemini-4-argon",
        ambient=tuple(
            (project, "GOOGLE_CLOUD_LOCATION", login)
            for login in ("GOOGLE_APPLICATION_CREDENTIALS", _ADC)
            for project in ("GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT")
        ),
    ),
    "github-copilot": Provider(
        name="GitHub Copilot",
        api="openai-responses",
        base_url="https://api.individual.githubcopilot.com",
        env=("COPILOT_GITHUB_TOKEN",),
        default_model="gpt-6.1-sol",
        headers={
            "X-Initiator": "{initiator}",
            "Openai-Intent": "conversation-edits",
            "Copilot-Vision-Request": "{vision}",
        },
    ),
    "openrouter": Provider(
        name="OpenRouter",
        api="openai-completions",
        base_url="https://openrouter.ai/api/v1",
        env=("OPENROUTER_API_KEY",),
        default_model="moonshotai/kimi-k2.7-code",
    ),
    "vercel-ai-gateway": Provider(
        name="Vercel AI Gateway",
        api="anthropic-messages",
        base_url="https://ai-gateway.vercel.sh",
        env=("AI_GATEWAY_API_KEY",),
        default_model="zai/glm-5.3",
    ),
    "xai": Provider(
        name="xAI",
        api="openai-responses",
        base_url="https://api.x.ai/v1",
        env=("XAI_API_KEY",),
        default_model="grok-4.7",
    ),
    "groq": Provider(
        name="Groq",
        api="openai-completions",
        base_url="https://api.groq.com/openai/v1",
        env=("GROQ_API_KEY",),
        default_model="openai/gpt-oss-120b",
    ),
    "cerebras": Provider(
        name="Cerebras",
        api="openai-completions",
        base_url="https://api.cerebras.ai/v1",
        env=("CEREBRAS_API_KEY",),
        default_model="gpt-oss-120b",
    ),
    "zai": Provider(
        name="Z.AI",
        api="openai-completions",
        base_url="https://api.z.ai/api/coding/paas/v4",
        env=("ZAI_API_KEY",),
        default_model="glm-5.3",
    ),
    "zai-coding-cn": Provider(
        name="Z.AI Coding CN",
        api="openai-completions",
        base_url="https://open.bigmodel.cn/api/coding/paas/v4",
        env=("ZAI_CODING_CN_API_KEY",),
        default_model="glm-5.3",
    ),
    "mistral": Provider(
        name="Mistral",
        api="mistral-conversations",
        base_url="https://api.mistral.ai",
        env=("MISTRAL_API_KEY",),
        default_model="devstral-medium-latest",
    ),
    "minimax": Provider(
        name="MiniMax",
        api="anthropic-messages",
        base_url="https://api.minimax.io/anthropic",
        env=("MINIMAX_API_KEY",),
        default_model="MiniMax-M3",
    ),
    "minimax-cn": Provider(
        name="MiniMax CN",
        api="anthropic-messages",
        base_url="https://api.minimaxi.com/anthropic",
        env=("MINIMAX_CN_API_KEY",),
        default_model="MiniMax-M3",
    ),
    "moonshotai": Provider(
        name="Moonshot AI",
        api="openai-completions",
        base_url="https://api.moonshot.ai/v1",
        env=("MOONSHOT_API_KEY",),
        default_model="kimi-k2.7-code",
    ),
    "moonshotai-cn": Provider(
        name="Moonshot AI CN",
        api="openai-completions",
        base_url="https://api.moonshot.cn/v1",
        env=("MOONSHOT_API_KEY",),
        default_model="kimi-k2.7-code",
    ),
    "huggingface": Provider(
        name="Hugging Face",
        api="openai-completions",
        base_url="https://router.huggingface.co/v1",
        env=("HF_TOKEN",),
        default_model="moonshotai/Kimi-K2.7-Code",
    ),
    "fireworks": Provider(
        name="Fireworks",
        api="anthropic-messages",
        base_url="https://api.fireworks.ai/inference",
        env=("FIREWORKS_API_KEY",),
        default_model="accounts/fireworks/models/kimi-k3",
    ),
    "together": Provider(
        name="Together",
        api="openai-completions",
        base_url="https://api.together.ai/v1",
        env=("TOGETHER_API_KEY",),
        default_model="moonshotai/Kimi-K3",
    ),
    "baseten": Provider(
        name="Baseten",
        api="openai-completions",
        base_url="https://inference.baseten.co/v1",
        env=("BASETEN_API_KEY",),
        default_model="zai-org/GLM-5.3",
    ),
    "opencode": Provider(
        name="OpenCode Zen",
        api="openai-completions",
        base_url="https://opencode.ai/zen/v1",
        env=("OPENCODE_API_KEY",),
        default_model="kimi-k2.7-code",
        headers={"x-opencode-session": "{session}"},
    ),
    "opencode-go": Provider(
        name="OpenCode Go",
        api="openai-completions",
        base_url="https://opencode.ai/zen/go/v1",
        env=("OPENCODE_API_KEY",),
        default_model="kimi-k3.1-pro",
        headers={"x-opencode-session": "{session}"},
    ),
    "kimi-coding": Provider(
        name="Kimi For Coding",
        api="anthropic-messages",
        base_url="https://api.kimi.com/coding",
        env=("KIMI_API_KEY",),
        default_model="kimi-for-coding",
    ),
    "meta": Provider(
        name="Meta",
        api="openai-responses",
        base_url="https://api.meta.ai/v1",
        env=("META_API_KEY",),
        default_model="muse-spark-1.3",
    ),
    "cloudflare-workers-ai": Provider(
        name="Cloudflare Workers AI",
        api="openai-completions",
        base_url="https://api.cloudflare.com/client/v4/accounts/{CLOUDFLARE_ACCOUNT_ID}/ai/v1",
        env=("CLOUDFLARE_API_KEY",),
        default_model="@cf/moonshotai/kimi-k2.7-code",
        url_env=("CLOUDFLARE_ACCOUNT_ID",),
    ),
    "cloudflare-ai-gateway": Provider(
        name="Cloudflare AI Gateway",
        api="openai-completions",
        base_url="https://gateway.ai.cloudflare.com/v1/{CLOUDFLARE_ACCOUNT_ID}/{CLOUDFLARE_GATEWAY_ID}/compat",
        env=("CLOUDFLARE_API_KEY",),
        default_model="workers-ai/@cf/moonshotai/kimi-k2.7-code",
        url_env=("CLOUDFLARE_ACCOUNT_ID", "CLOUDFLARE_GATEWAY_ID"),
        key_header="cf-aig-authorization",
    ),
    "qwen-token-plan": Provider(
        name="Qwen Token Plan",
        api="openai-completions",
        base_url="https://token-plan.ap-southeast-1.maas.aliyuncs.com/compatible-mode/v1",
        env=("QWEN_TOKEN_PLAN_API_KEY",),
        default_model="qwen3.8-max",
    ),
    "qwen-token-plan-cn": Provider(
        name="Qwen Token Plan CN",
        api="openai-completions",
        base_url="https://token-plan.cn-beijing.maas.aliyuncs.com/compatible-mode/v1",
        env=("QWEN_TOKEN_PLAN_CN_API_KEY",),
        default_model="qwen3.8-max",
    ),
    "qwen-token-plan-individual": Provider(
        name="Qwen Token Plan Individual",
        api="openai-completions",
        base_url="https://token-plan.ap-southeast-1.maas.aliyuncs.com/compatible-mode/v1",
        env=("QWEN_TOKEN_PLAN_API_KEY",),
        default_model="qwen3.8-max",
    ),
    "qwen-token-plan-individual-cn": Provider(
        name="Qwen Token Plan Individual CN",
        api="openai-completions",
        base_url="https://token-plan.cn-beijing.maas.aliyuncs.com/compatible-mode/v1",
        env=("QWEN_TOKEN_PLAN_CN_API_KEY",),
        default_model="qwen3.8-max",
    ),
    "xiaomi": Provider(
        name="Xiaomi",
        api="openai-completions",
        base_url="https://api.xiaomimimo.com/v1",
        env=("XIAOMI_API_KEY",),
        default_model="mimo-v2.6-pro",
    ),
    "xiaomi-token-plan-cn": Provider(
        name="Xiaomi Token Plan CN",
        api="openai-completions",
        base_url="https://token-plan-cn.xiaomimimo.com/v1",
        env=("XIAOMI_TOKEN_PLAN_CN_API_KEY",),
        default_model="mimo-v2.6-pro",
    ),
    "xiaomi-token-plan-ams": Provider(
        name="Xiaomi Token Plan AMS",
        api="openai-completions",
        base_url="https://token-plan-ams.xiaomimimo.com/v1",
        env=("XIAOMI_TOKEN_PLAN_AMS_API_KEY",),
        default_model="mimo-v2.6-pro",
    ),
    "xiaomi-token-plan-sgp": Provider(
        name="Xiaomi Token Plan SGP",
        api="openai-completions",
        base_url="https://token-plan-sgp.xiaomimimo.com/v1",
        env=("XIAOMI_TOKEN_PLAN_SGP_API_KEY",),
        default_model="mimo-v2.6-pro",
    ),
    "llama.cpp": Provider(
        name="llama.cpp",
        api="openai-completions",
        base_url="http://127.0.0.1:9931/v1",
        env=("LLAMA_API_KEY",),
        default_model="",
        local=True,
        root_env="LLAMA_BASE_URL",
    ),
    "ollama": Provider(
        name="Ollama",
        api="openai-completions",
        base_url="http://127.0.0.1:11434/v1",
        env=(),
        default_model="",
        local=True,
    ),
    "lmstudio": Provider(
        name="LM Studio",
        api="openai-completions",
        base_url="http://127.0.0.1:1234/v1",
        env=(),
        default_model="",
        local=True,
    ),
    "vllm": Provider(
        name="vLLM",
        api="openai-completions",
        base_url="http://127.0.0.1:8000/v1",
        env=("VLLM_API_KEY",),
        default_model="",
        local=True,
    ),
}
