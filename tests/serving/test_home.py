"""What the server says of itself is what it does: the schema allows what /predict takes, and the page's row can be sent."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from modelway.serving import columns, openapi
from modelway.serving.columns import SignatureColumn
from modelway.serving.messages import Refusal
from modelway.serving.payload import table
from served import RELEASE, Served

PLAIN = ("boolean", "integer", "long", "float", "double", "string")
"""Of which JSON Schema can say all that the server checks."""
VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-(1 << 65), 1 << 65)
    | st.sampled_from([2**31, 2**31 - 1, -(2**63), 2**63, 3.0, 1e39, -3.5e38])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=3)
    | st.lists(st.integers(), max_size=2)
)


@given(st.data())
def test_the_schema_allows_what_is_taken_and_nothing_else(data: st.DataObject) -> None:
    names = data.draw(st.lists(st.text("ab\"'<é", max_size=3), min_size=1, max_size=4, unique=True))
    signature = tuple(
        SignatureColumn(name, data.draw(st.sampled_from(PLAIN)), data.draw(st.booleans())) for name in names
    )
    row = {name: data.draw(VALUES) for name in [*names, "more"] if data.draw(st.integers(0, 9)) > 1}
    row.pop("more", None) if data.draw(st.booleans()) else None
    allowed = Draft202012Validator(openapi.row_schema(signature)).is_valid(row)
    try:
        columns.check(table([row]), signature, strict=True)
    except Refusal:
        assert not allowed, row
    else:
        assert allowed, row


@pytest.mark.parametrize("kind", sorted(columns.CASTS))
def test_the_example_is_of_the_right_types(kind: str) -> None:
    signature = (SignatureColumn("a", kind, required=True), SignatureColumn("b", kind, required=False))
    row = openapi.example(signature)
    assert Draft202012Validator(openapi.row_schema(signature)).is_valid(json.loads(json.dumps(row)))
    columns.check(table([row]), signature, strict=True)


def test_the_document_is_openapi_and_its_example_is_answered_as_it_says(boosting: Served) -> None:
    said = boosting.get("/openapi.json")
    assert said.headers["content-type"] == "application/json"
    document = said.json()
    assert (document["openapi"], document["info"]["title"], document["info"]["version"]) == (
        "3.1.0",
        RELEASE["model"],
        "3",
    )
    assert sorted(document["paths"]) == sorted(
        ["/predict", "/invocations", "/ready", "/health", "/model/version", "/metrics"]
    )
    predict = document["paths"]["/predict"]["post"]
    content = predict["requestBody"]["content"]["application/json"]
    assert set(content["example"]["rows"][0]) == {"carrier", "delay", "pressure"}
    for schema in (content["schema"], predict["responses"]["200"]["content"]["application/json"]["schema"]):
        Draft202012Validator.check_schema(schema)
    asked = Draft202012Validator(content["schema"])
    assert asked.is_valid(content["example"]) and asked.is_valid(content["example"]["rows"][0])
    answer = boosting.post("/predict", content["example"])
    assert answer.status_code == 200
    Draft202012Validator(predict["responses"]["200"]["content"]["application/json"]["schema"]).validate(answer.json())
    assert len(answer.json()["predictions"][0]) == 2
    wrong = boosting.post("/predict", {"rows": [{"carrier": 1}]})
    assert str(wrong.status_code) in predict["responses"]
    Draft202012Validator(document["components"]["schemas"]["Error"]).validate(wrong.json())


def test_the_page_holds_a_row_that_can_be_sent_and_nothing_from_elsewhere(boosting: Served) -> None:
    answer = boosting.get("/")
    page = answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    [request] = re.findall(r"<textarea[^>]*>(.*?)</textarea>", page, re.DOTALL)
    assert boosting.post("/predict", html.unescape(request).encode()).status_code == 200
    assert "<h1>a &quot;quoted&quot; name version 3</h1>" in page
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert not re.search(r"(?:src|href)=[\"']?(?:https?:)?//", page)
    for path in re.findall(r'href="([^"]+)"', page):
        assert boosting.get(f"/{path}").status_code == 200
    assert boosting.session.head(f"http://127.0.0.1:{boosting.port}/").status_code == 200
    assert boosting.session.post(f"http://127.0.0.1:{boosting.port}/").status_code == 405


def test_columns_whose_names_are_markup_stay_names() -> None:
    from modelway.serving import home
    from modelway.serving.release import ServedRelease

    class Asked:
        columns = (SignatureColumn('</textarea><script>alert("x")</script>', "string", required=True),)
        outputs: tuple[dict[str, Any], ...] = ()

    release = ServedRelease(**{**RELEASE, "model": "<b>m</b>"})  # type: ignore[arg-type]
    page = home.described(Asked(), release)["/"].body.decode()  # type: ignore[arg-type]
    assert page.count("<script>") == 1 and page.count("</textarea>") == 1 and "<b>" not in page


@pytest.mark.parametrize(
    ("outputs", "schema"),
    [
        ([], {}),
        ([{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1]}}], {"type": "number"}),
        (
            [{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 3]}}],
            {"type": "array", "items": {"type": "number"}, "minItems": 3, "maxItems": 3},
        ),
        ([{"type": "tensor", "tensor-spec": {"dtype": "object", "shape": [-1]}}], {}),
        ([{"type": "double"}, {"type": "long", "name": "b"}], {"type": "object"}),
    ],
)
def test_a_prediction_is_as_the_signature_says(outputs: list[dict[str, Any]], schema: dict[str, Any]) -> None:
    assert openapi.prediction_schema(outputs) == schema


def test_a_model_without_columns_is_described_too(serve: Any) -> None:
    for name in ("tensor", "bare"):
        with serve(name) as served:
            document = served.get("/openapi.json").json()
            content = document["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]
            assert "example" not in content and "oneOf" not in content["schema"]
            assert served.get("/").status_code == 200
