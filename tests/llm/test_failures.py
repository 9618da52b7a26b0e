"""Kinds of failure: what keeps a model from answering where another one may."""

import pytest

from pi.llm.draft import Draft
from pi.llm.errors import ProtocolError, ProviderError, TransportError
from pi.llm.failures import FailureKind, failure_kind
from pi.llm.models import Model
from pi.platform.errors import PiError


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ProtocolError("The provider sent an event that is no JSON."), "outage"),
        (TransportError("refused"), "outage"),
        (ProviderError("No such model", status=404), "outage"),
        (ProviderError("oops", status=529), "overload"),
        (ProviderError("slow down", status=429), "rate_limit"),
        (ProviderError("Payment required", status=402), "quota"),
        (ProviderError("Monthly usage limit reached", status=429), "quota"),
        (ProviderError("Forbidden", status=403), "login"),
        (ProviderError("prompt is too long", status=400), "overflow"),
        (ProviderError("this makes no sense", status=400), None),
        (PiError("a fault of our own"), None),
    ],
)
def test_a_failure_has_the_kind_that_says_whether_another_model_may_answer(
    error: PiError, kind: FailureKind | None
) -> None:
    model = Model(id="m", provider="p", api="openai-completions", name="M", base_url="http://127.0.0.1")
    message = Draft(model).freeze("error", str(error))
    assert failure_kind(message, error, 1000) == kind
