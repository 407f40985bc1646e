"""Which judge is meant: who, where, with which key and at what price; checked before anything is sent.

A key is read here, from the environment, and handed to nobody but the one who sends it.
"""

import ipaddress
import os
from typing import Final
from urllib.parse import urlsplit

from kilnmark.lab.judging.errors import JudgeUnusable, KeyMissing
from kilnmark.lab.judging.metric import METRIC
from kilnmark.lab.judging.price import Price
from kilnmark.lab.judging.report import JudgeSaid
from kilnmark.lab.judging.talk import Endpoint, VisionModel
from kilnmark.lab.run.plan import JudgePlan

__all__ = ["FORMS", "endpoint_of", "judge_said", "key_of", "model_of", "price_of"]

FORMS: Final = {
    "openai": ("https://api.openai.com/v1", "OPENAI_API_KEY"),
    "anthropic": ("https://api.anthropic.com", "ANTHROPIC_API_KEY"),
}
"""Of each form its maker's address, and the variable that its key is looked for in."""


def judge_said(judge: JudgePlan) -> JudgeSaid:
    """Who judges, for the report.

    Raises:
        JudgeUnusable: A model or an address is missing, or cannot be meant.
    """
    if judge.judge == "metric":
        return JudgeSaid(kind="metric", name=METRIC, is_metric=True)
    if judge.judge == "person":
        return JudgeSaid(kind="person", name="people")
    endpoint = endpoint_of(judge)
    return JudgeSaid(kind=judge.judge, name=endpoint.model, base_url=endpoint.base_url)


def endpoint_of(judge: JudgePlan) -> Endpoint:
    """Whom a vision model's calls go to.

    Raises:
        JudgeUnusable: No model is named, or a key would go over a network in the clear.
    """
    if not judge.model:
        raise JudgeUnusable("judge.model", "no model is named", "name one that looks at pictures")
    base_url = (judge.base_url or FORMS[judge.judge][0]).rstrip("/")
    parts = urlsplit(base_url)
    if parts.scheme != "https" and judge.key_from != "" and not _is_here(parts.hostname or ""):
        reason = f"{base_url} would get the key in the clear"
        raise JudgeUnusable(
            "judge.base_url", reason, 'give an address with https, or key_from = "" where it wants none'
        )
    return Endpoint(
        base_url=base_url,
        model=judge.model,
        deadline=judge.deadline,
        reply_tokens=judge.reply_tokens,
        structured=judge.structured,
    )


def price_of(judge: JudgePlan) -> Price:
    """What it costs.

    Raises:
        JudgeUnusable: It is not said.
    """
    if judge.price_in is None or judge.price_out is None:
        entry = "judge.price_in" if judge.price_in is None else "judge.price_out"
        raise JudgeUnusable(entry, "it is not said what a million tokens cost", "say it; 0 where it costs nothing")
    return Price(judge.price_in, judge.price_out, judge.tokens_a_picture, judge.reply_tokens)


def key_of(judge: JudgePlan, endpoint: Endpoint) -> tuple[str, str]:
    """The key, empty where none is wanted, and the variable that it is from.

    Raises:
        KeyMissing: The environment has none.
        JudgeUnusable: What it has is no key.
    """
    variable = FORMS[judge.judge][1] if judge.key_from is None else judge.key_from
    key = os.environ.get(variable, "").strip() if variable else ""
    if variable and not key:
        raise KeyMissing(variable, endpoint.base_url)
    if not key.isascii() or not key.isprintable() or " " in key:
        raise JudgeUnusable("judge.key_from", f"what {variable} has is no key", "set the key alone, in one line")
    return key, variable


def model_of(judge: JudgePlan, endpoint: Endpoint) -> VisionModel:
    """Somebody to ask.

    Raises:
        KeyMissing, JudgeUnusable: There is no key.
        NotInstalled: The SDK is not there.
    """
    key, variable = key_of(judge, endpoint)
    if judge.judge == "openai":
        from kilnmark.lab.judging.openai_form import OpenAIForm

        return OpenAIForm(endpoint, key, variable)
    from kilnmark.lab.judging.anthropic_form import AnthropicForm

    return AnthropicForm(endpoint, key, variable)


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
