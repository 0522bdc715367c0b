"""What the server says of itself: /openapi.json for programs, and a page at / for people, who can send a row from it."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from modelway.serving import openapi
from modelway.serving.columns import SignatureColumn, takes_null
from modelway.serving.features import NOTHING, FeatureFile
from modelway.serving.messages import HttpAnswer
from modelway.serving.release import ServedRelease

if TYPE_CHECKING:
    from modelway.serving.model import Model

HTML = b"text/html; charset=utf-8"
STYLE = """
:root { --text: #1c2430; --quiet: #64707f; --paper: #fff; --panel: #f6f8fa; --line: #dde3ea; --link: #3b6fb6; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e4e8ee; --quiet: #96a2b2; --paper: #12161c; --panel: #1a2029; --line: #2e3744; --link: #7aa9e6; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 860px; margin: 0 auto; padding: 28px 20px 60px; }
h1 { font-size: 25px; margin: 0 0 2px; }
h2 { font-size: 17px; margin: 26px 0 6px; }
p { margin: 4px 0; }
a { color: var(--link); }
.quiet { color: var(--quiet); overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; }
th, td { text-align: left; padding: 4px 10px 4px 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
th { color: var(--quiet); font-weight: 500; }
textarea, pre { width: 100%; margin: 6px 0; padding: 10px 12px; border: 1px solid var(--line); border-radius: 8px;
  background: var(--panel); color: var(--text); font: 13px/1.5 ui-monospace, monospace;
  white-space: pre-wrap; overflow-wrap: anywhere; }
button { padding: 6px 18px; border: 0; border-radius: 8px; background: var(--link); color: var(--paper); font: inherit;
  cursor: pointer; }
"""
SCRIPT = """
const form = document.querySelector("form"), answer = document.querySelector("pre");
form.addEventListener("submit", async event => {
  event.preventDefault();
  answer.textContent = "...";
  try {
    const body = form.querySelector("textarea").value;
    const said = await fetch("predict", { method: "POST", headers: { "content-type": "application/json" }, body });
    answer.textContent = said.status + " " + await said.text();
  } catch (error) { answer.textContent = "no answer: " + error.message; }
});
"""
NO_ROWS = '{"rows": []}'
NO_COLUMNS = "<p>Its signature has no named columns of plain types: it is asked as MLflow's own server asks it.</p>"
LINKS = {
    "openapi.json": "OpenAPI 3.1",
    "model/version": "this release",
    "ready": "whether it can answer",
    "metrics": "Prometheus' text",
}


def described(model: Model, release: ServedRelease, features: FeatureFile = NOTHING) -> dict[str, HttpAnswer]:
    """What is answered at these paths for as long as the model is served."""
    said = json.dumps(openapi.document(model, release, features)).encode()
    page = _page(model.columns, release, features).encode()
    policy = "; ".join(
        [
            "default-src 'none'",
            f"style-src {_digest(STYLE)}",
            f"script-src {_digest(SCRIPT)}",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )
    headers = f"content-security-policy: {policy}\r\nx-content-type-options: nosniff\r\n".encode()
    return {"/openapi.json": HttpAnswer(200, said), "/": HttpAnswer(200, page, HTML, headers)}


def _page(columns: Sequence[SignatureColumn] | None, release: ServedRelease, features: FeatureFile) -> str:
    name = f"{release.model} version {release.version}"
    trained = f"Trained at {release.trained_at} for {release.environment}; digest {release.digest}"
    request = json.dumps(openapi.example(columns, features), indent=2, ensure_ascii=False) if columns else NO_ROWS
    parts = [
        f"<h1>{html.escape(name)}</h1>",
        f"<p class=quiet>{html.escape(trained)}</p>",
        "<p>" + " · ".join(f'<a href="{path}">{said}</a>' for path, said in LINKS.items()) + "</p>",
        "<h2>Ask it</h2>",
        f"<form><textarea rows=12 aria-label='the request' spellcheck=false>{html.escape(request)}</textarea>",
        "<button>Send to /predict</button></form><pre role=status>nothing was sent yet</pre>",
        "<h2>Columns</h2>",
        _table(columns, features) if columns else NO_COLUMNS,
    ]
    head = (
        f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{html.escape(name)}</title>'
    )
    body = f"<body><main>{''.join(parts)}</main><script>{SCRIPT}</script></body>"
    return f"<!doctype html>\n<html lang=en><head>{head}<style>{STYLE}</style></head>{body}</html>\n"


def _table(columns: Sequence[SignatureColumn], features: FeatureFile) -> str:
    rows = [
        (html.escape(column.name), column.kind, _required(column, features))
        + ("is missing" if takes_null(column) else "is refused",)
        for column in columns
    ]
    written = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr><th>column</th><th>type</th><th>required</th><th>null</th></tr>{written}</table>"


def _required(column: SignatureColumn, features: FeatureFile) -> str:
    for lookup in features.lookups:
        if column.name in lookup.fields:
            return html.escape(f"looked up by {', '.join(lookup.keys)}")
    return "yes" if column.required else "may be left out"


def _digest(text: str) -> str:
    """A source of Content-Security-Policy: this text alone, in the page."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"
