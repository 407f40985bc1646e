"""The names that are OpenTelemetry's own, each as its conventions have it now.

- Semantic conventions 1.45.0: `error.*`, `http.*`, `rpc.*`, `server.*`, `url.*` (stable), `jsonrpc.*` and
  `process.*` (in development).
- Semantic conventions for generative AI, which have a repository of their own: `gen_ai.*`, all in development. They
  have no operation for pictures: `generate_content` with `gen_ai.output.type` is what they allow for.
"""

from typing import Final

from kilnmark.otel.names.definitions import AttributeName, SpanName, ValueForm

__all__ = [
    "ERROR_TYPE",
    "EVALUATION_EXPLANATION",
    "EVALUATION_LABEL",
    "EVALUATION_NAME",
    "EVALUATION_RESULT",
    "EVALUATION_SCORE",
    "GEN_AI_OPERATION_NAME",
    "GEN_AI_OUTPUT_TYPE",
    "GEN_AI_PROVIDER_NAME",
    "GEN_AI_REQUEST_COUNT",
    "GEN_AI_REQUEST_MODEL",
    "GEN_AI_REQUEST_SEED",
    "GEN_AI_RESPONSE_ID",
    "HTTP_METHOD",
    "HTTP_ROUTE",
    "HTTP_STATUS_CODE",
    "JSONRPC_REQUEST_ID",
    "JSONRPC_VERSION",
    "RPC_METHOD",
    "RPC_STATUS_CODE",
    "RPC_SYSTEM",
    "SEMCONV_VERSION",
    "SERVER_ADDRESS",
    "SERVER_PORT",
    "URL_PATH",
    "URL_SCHEME",
]

SEMCONV_VERSION: Final = "1.45.0"
"""Of the conventions that are not those for generative AI."""

ERROR_TYPE: Final = AttributeName(
    "error.type",
    "Why something failed, one of few words: the `kind` of a request's error, or `lora_noop`, `lora_partial`, "
    "`lora_refused`; absent where nothing failed.",
)

RPC_SYSTEM: Final = AttributeName("rpc.system.name", "`jsonrpc`.")
RPC_METHOD: Final = AttributeName("rpc.method", "The method of the wire that was called; `_OTHER` where there is none.")
RPC_STATUS_CODE: Final = AttributeName("rpc.response.status_code", "The code of the error that was answered, as text.")
JSONRPC_VERSION: Final = AttributeName("jsonrpc.protocol.version", "`2.0`.")
JSONRPC_REQUEST_ID: Final = AttributeName("jsonrpc.request.id", "The id that the caller gave its request, as text.")

HTTP_METHOD: Final = AttributeName(
    "http.request.method", "Of a program's request to `kilnmark web`: `GET`, `HEAD` or `POST`."
)
HTTP_ROUTE: Final = AttributeName("http.route", "The route that took it, such as `/v1/models/{model}`.")
HTTP_STATUS_CODE: Final = AttributeName(
    "http.response.status_code", "The status that was answered; absent where the program hung up.", ValueForm.WHOLE
)
URL_PATH: Final = AttributeName("url.path", "The route again: paths hold signatures that open pictures.")
URL_SCHEME: Final = AttributeName("url.scheme", "`http`.")
SERVER_ADDRESS: Final = AttributeName("server.address", "The name that the program asked under.")
SERVER_PORT: Final = AttributeName("server.port", "The port that it asked at.", ValueForm.WHOLE)

GEN_AI_OPERATION_NAME: Final = AttributeName("gen_ai.operation.name", "`generate_content`.")
GEN_AI_OUTPUT_TYPE: Final = AttributeName("gen_ai.output.type", "`image`.")
GEN_AI_PROVIDER_NAME: Final = AttributeName("gen_ai.provider.name", "`kilnmark`; on a judging, the judge's kind.")
GEN_AI_REQUEST_MODEL: Final = AttributeName("gen_ai.request.model", "The base that was asked for.")
GEN_AI_REQUEST_SEED: Final = AttributeName("gen_ai.request.seed", "Of the picture's noise.", ValueForm.WHOLE)
GEN_AI_REQUEST_COUNT: Final = AttributeName(
    "gen_ai.request.choice.count", "Pictures asked for at once.", ValueForm.WHOLE
)
GEN_AI_RESPONSE_ID: Final = AttributeName("gen_ai.response.id", "The job's id.")

EVALUATION_RESULT: Final = SpanName("gen_ai.evaluation.result", "An event: one score of a judging.")
EVALUATION_NAME: Final = AttributeName("gen_ai.evaluation.name", "The axis that was judged.")
EVALUATION_SCORE: Final = AttributeName("gen_ai.evaluation.score.value", "The score.", ValueForm.NUMBER)
EVALUATION_LABEL: Final = AttributeName(
    "gen_ai.evaluation.score.label", "`pass`, `fail`, or `unbarred` where the bars say nothing of the axis."
)
EVALUATION_EXPLANATION: Final = AttributeName("gen_ai.evaluation.explanation", "Why, in the judge's words.")
