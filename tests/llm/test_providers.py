"""The table of providers, compared with the facts of the original's documentation, written out here."""

import json
from pathlib import Path

import pytest

from pi.llm.providers import PROVIDERS
from pi.llm.registry import ModelRegistry

# provider: (address, variables of its key, default model), in the order in which a first model is looked for
FACTS = """
amazon-bedrock https://bedrock-runtime.us-east-1.amazonaws.com AWS_BEARER_TOKEN_BEDROCK us.anthropic.claude-opus-5-5
ant-ling https://api.ant-ling.com/v1 ANT_LING_API_KEY Ring-2.6-1T
anthropic https://api.anthropic.com ANTHROPIC_OAUTH_TOKEN,ANTHROPIC_API_KEY claude-opus-5-5
openai https://api.openai.com/v1 OPENAI_API_KEY gpt-6.1-sol
azure - AZURE_OPENAI_API_KEY gpt-6.1-sol
openai-codex https://chatgpt.com/backend-api - gpt-6.1-sol
radius https://radius.pi.dev/v1 RADIUS_API_KEY balanced
nvidia https://integrate.api.nvidia.com/v1 NVIDIA_API_KEY nvidia/nemotron-3.5-super-vl-120b-a12b
deepseek https://api.deepseek.com DEEPSEEK_API_KEY deepseek-v4-pro
google https://generativelanguage.googleapis.com/v1beta GEMINI_API_KEY gemini-4-argon
google-vertex https://{location}-aiplatform.googleapis.com GOOGLE_CLOUD_API_KEY gemini-4-argon
github-copilot https://api.individual.githubcopilot.com COPILOT_GITHUB_TOKEN gpt-6.1-sol
openrouter https://openrouter.ai/api/v1 OPENROUTER_API_KEY moonshotai/kimi-k2.7-code
vercel-ai-gateway https://ai-gateway.vercel.sh AI_GATEWAY_API_KEY zai/glm-5.3
xai https://api.x.ai/v1 XAI_API_KEY grok-4.7
groq https://api.groq.com/openai/v1 GROQ_API_KEY openai/gpt-oss-120b
cerebras https://api.cerebras.ai/v1 CEREBRAS_API_KEY gpt-oss-120b
zai https://api.z.ai/api/coding/paas/v4 ZAI_API_KEY glm-5.3
zai-coding-cn https://open.bigmodel.cn/api/coding/paas/v4 ZAI_CODING_CN_API_KEY glm-5.3
mistral https://api.mistral.ai MISTRAL_API_KEY devstral-medium-latest
minimax https://api.minimax.io/anthropic MINIMAX_API_KEY MiniMax-M3
minimax-cn https://api.minimaxi.com/anthropic MINIMAX_CN_API_KEY MiniMax-M3
moonshotai https://api.moonshot.ai/v1 MOONSHOT_API_KEY kimi-k2.7-code
moonshotai-cn https://api.moonshot.cn/v1 MOONSHOT_API_KEY kimi-k2.7-code
huggingface https://router.huggingface.co/v1 HF_TOKEN moonshotai/Kimi-K2.7-Code
fireworks https://api.fireworks.ai/inference FIREWORKS_API_KEY accounts/fireworks/models/kimi-k3
together https://api.together.ai/v1 TOGETHER_API_KEY moonshotai/Kimi-K3
baseten https://inference.baseten.co/v1 BASETEN_API_KEY zai-org/GLM-5.3
opencode https://opencode.ai/zen/v1 OPENCODE_API_KEY kimi-k2.7-code
opencode-go https://opencode.ai/zen/go/v1 OPENCODE_API_KEY kimi-k3.1-pro
kimi-coding https://api.kimi.com/coding KIMI_API_KEY kimi-for-coding
meta https://api.meta.ai/v1 META_API_KEY muse-spark-1.3
qwen-token-plan https://token-plan.ap-southeast-1.maas.aliyuncs.com/compatible-mode/v1 QWEN_TOKEN_PLAN_API_KEY qwen3.8-max
qwen-token-plan-cn https://token-plan.cn-beijing.maas.aliyuncs.com/compatible-mode/v1 QWEN_TOKEN_PLAN_CN_API_KEY qwen3.8-max
xiaomi https://api.xiaomimimo.com/v1 XIAOMI_API_KEY mimo-v2.6-pro
xiaomi-token-plan-ams https://token-plan-ams.xiaomimimo.com/v1 XIAOMI_TOKEN_PLAN_AMS_API_KEY mimo-v2.6-pro
llama.cpp http://127.0.0.1:9931/v1 LLAMA_API_KEY -
ollama http://127.0.0.1:11434/v1 - -
lmstudio http://127.0.0.1:1234/v1 - -
vllm http://127.0.0.1:8000/v1 VLLM_API_KEY -
"""  # noqa: E501


def test_each_provider_is_where_its_documentation_says() -> None:
    rows = [line.split() for line in FACTS.strip().splitlines()]
    found = [
        [name, known.base_url or "-", ",".join(known.env) or "-", known.default_model or "-"]
        for name, known in PROVIDERS.items()
        if name in {row[0] for row in rows}
    ]
    assert found == rows


@pytest.mark.parametrize(
    ("provider", "env", "there"),
    [
        ("amazon-bedrock", {"AWS_PROFILE": "p"}, True),
        ("amazon-bedrock", {"AWS_ACCESS_KEY_ID": "a"}, False),
        ("amazon-bedrock", {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}, True),
        ("amazon-bedrock", {"AWS_WEB_IDENTITY_TOKEN_FILE": "/token"}, True),
        ("google-vertex", {"GOOGLE_CLOUD_API_KEY": "k"}, True),
        ("google-vertex", {"GOOGLE_CLOUD_PROJECT": "p", "GOOGLE_CLOUD_LOCATION": "eu"}, False),
        (
            "google-vertex",
            {"GCLOUD_PROJECT": "p", "GOOGLE_CLOUD_LOCATION": "eu", "GOOGLE_APPLICATION_CREDENTIALS": "/f"},
            True,
        ),
        ("llama.cpp", {}, False),
        ("llama.cpp", {"LLAMA_BASE_URL": "http://host:1"}, True),
    ],
)
def test_a_platforms_own_credentials_count_when_they_are_complete(
    provider: str, env: dict[str, str], there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert ModelRegistry(tmp_path, env=env).has_credentials(provider) is there


def test_azures_old_name_works_in_files_and_references(tmp_path: Path) -> None:
    old = "azure-openai-responses"
    (tmp_path / "auth.json").write_text(json.dumps({old: {"type": "api_key", "key": "k"}}))
    (tmp_path / "models.json").write_text(json.dumps({"providers": {old: {"baseUrl": "https://mine"}}}))
    registry = ModelRegistry(tmp_path, env={})

    model = registry.find(old, "gpt-6.1-sol")
    assert model is not None and (model.ref, model.base_url) == ("azure/gpt-6.1-sol", "https://mine")
    assert registry.provider_id(old) == "azure"
    assert registry.has_credentials("azure") and registry.has_credentials(old)
    assert old not in registry.providers()
