"""Which language an endpoint speaks: as the inputs say, else found out by asking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from modelway import ci
from modelway.ci import Input
from modelway.endpoint import dialects
from modelway.endpoint.client import Endpoint, NoAnswerError
from modelway.endpoint.dialects import Row, ServerDialect
from modelway.errors import InvalidInput

Protocol = Annotated[
    Literal["modelway", "mlflow", "kserve-v2"] | None,
    Input("What the server speaks: modelway, mlflow or kserve-v2.", left_out="found out by asking it"),
]
Path = Annotated[str, Input("The path of predictions.", left_out="the protocol's own")]
Body = Annotated[
    str,
    Input(
        'For any other server, with path: a body as JSON, such as {"instances": "{rows}"}.',
        left_out="the protocol's own",
    ),
]
Answer = Annotated[
    str, Input("With body: where the predictions stand in the answer, such as data.0.", left_out="predictions")
]
MISSING = (404, 405, 501)
FIX = "name its protocol (mlflow, kserve-v2), or give path and body for any other server"


@dataclass(frozen=True)
class Language:
    """What the inputs say of how a server is asked."""

    protocol: Protocol
    path: str
    body: str
    answer: str


def chosen(asked: Language, model: str, rows: Sequence[Row], kinds: Mapping[str, str]) -> ServerDialect | None:
    """What the inputs say; None where they leave it open. model: its name, where it is known. kinds: MLflow's names of the
    types of its columns. InvalidInput where the inputs do not go together."""
    protocol, path = asked.protocol, asked.path
    if path and not path.startswith("/"):
        raise InvalidInput(
            f"{ci.shown(path)} does not begin with /", where="input path", fix="give /v1/models/m:predict"
        )
    if asked.body:
        if protocol or not path:
            fix = "give path too, and no protocol" if not protocol else "leave protocol out"
            raise InvalidInput("is for a server of another kind", where="input body", fix=fix)
        return dialects.template(path, asked.body, asked.answer)
    if asked.answer:
        raise InvalidInput("is given without body", where="input answer", fix="give path and body too")
    if protocol == "mlflow":
        return dialects.mlflow(path)
    if protocol == "kserve-v2":
        return _kserve(path or (model and f"/v2/models/{model}/infer"), rows, kinds)
    if path:
        raise InvalidInput(
            "is given without a protocol that it belongs to", where="input path", fix="give protocol or body"
        )
    return dialects.MODELWAY if protocol else None


def found(endpoint: Endpoint, model: str, rows: Sequence[Row], kinds: Mapping[str, str]) -> ServerDialect:
    """What the server speaks, by what it has. InvalidInput, in one line, where it is none of them."""
    if _has(endpoint, "GET", "/model/version"):
        return dialects.MODELWAY
    if _has(endpoint, "POST", "/invocations"):
        return dialects.mlflow()
    if _has(endpoint, "GET", "/v2/health/ready"):
        name = model or _only_model(endpoint)
        return _kserve(name and f"/v2/models/{name}/infer", rows, kinds)
    what = "answers, and speaks neither modelway's protocol nor MLflow's nor KServe's v2"
    raise InvalidInput(what, where=endpoint.url, fix=FIX)


def _has(endpoint: Endpoint, method: str, path: str) -> bool:
    body = b"{}" if method == "POST" else None
    try:
        return endpoint.ask(method, path, body, "application/json" if body else "").status not in MISSING
    except NoAnswerError:
        return method == "GET" and path == "/model/version"  # what answers wrongly there is no other kind of server


def _only_model(endpoint: Endpoint) -> str:
    """The name of the one model of the repository; empty where it has several, or does not say."""
    try:
        said = endpoint.post("/v2/repository/index", {}).json()
        [name] = {str(item["name"]) for item in said}
    except (NoAnswerError, ValueError, KeyError, TypeError):
        return ""
    return name


def _kserve(path: str, rows: Sequence[Row], kinds: Mapping[str, str]) -> ServerDialect:
    if not path:
        fix = "give path, such as /v2/models/NAME/infer"
        raise InvalidInput("is kserve-v2, and the model's name is not known", where="input protocol", fix=fix)
    if not rows:
        fix = "give rows, or environment and version"
        raise InvalidInput(
            "is kserve-v2, which is asked column by column, and there are no rows", where="input protocol", fix=fix
        )
    return dialects.kserve(path, rows, kinds)
