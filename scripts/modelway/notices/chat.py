"""What Slack and Teams are sent: pure functions of a notice.

Sources: Slack's pages on incoming webhooks, Block Kit (a section's text has at most 3,000 characters, a header's 150) and
escaping; Microsoft's on the workflow that posts a card when a webhook request is received, and on Adaptive Cards 1.4.
"""

from __future__ import annotations

import re
from typing import Any

from modelway.notices.notice import SIGNS, Notice, shortened

LONGEST_BLOCK, LONGEST_HEADER = 3000, 150
CARD_SCHEMA = "http://adaptivecards.io/schemas/adaptive-card.json"
MARKED = re.compile(r"([\\`*_\[\]()~#|<>])")
"""What a text block of an Adaptive Card could take for Markdown."""


def slack(notice: Notice) -> dict[str, Any]:
    """text: for the notification itself, and where blocks cannot be shown."""
    title = f"{SIGNS[notice.outcome]} {notice.title}"
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": shortened(title, LONGEST_HEADER), "emoji": False}},
        _section(mrkdwn(notice.sentence)),
    ]
    if notice.reasons:
        blocks.append(_section("\n".join(f"• {mrkdwn(reason)}" for reason in notice.reasons)))
    facts = " · ".join(
        mrkdwn(f"version {value}" if name == "Version" else value) for name, value in notice.facts if name != "Outcome"
    )
    link = f"<{mrkdwn(notice.run)}|run>" if notice.run else ""
    blocks.append({"type": "context", "elements": [_text(" · ".join(filter(None, (facts, link))))]})
    return {"text": mrkdwn(f"{title}. {notice.sentence}"), "blocks": blocks, "unfurl_links": False}


def mrkdwn(text: str) -> str:
    """Text as Slack shows it: no mention, no link; a zero-width space takes from the marks of bold, italic, struck and code
    their effect."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([*_~`])", "\u200b\\1", escaped)


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _text(text)}


def _text(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": _whole(shortened(text, LONGEST_BLOCK)), "verbatim": True}


def _whole(text: str) -> str:
    """Without half an entity at its end, where it was cut."""
    return re.sub(r"&[a-z]*…$", "…", text)


def teams(notice: Notice) -> dict[str, Any]:
    """The message around one card that the workflow expects."""
    body: list[dict[str, Any]] = [
        _block(f"{SIGNS[notice.outcome]} {notice.title}", weight="Bolder", size="Medium"),
        _block(notice.sentence),
        *(_block(f"• {reason}", spacing="Small") for reason in notice.reasons),
        {"type": "FactSet", "facts": [{"title": name, "value": card_text(value)} for name, value in notice.facts]},
    ]
    card: dict[str, Any] = {"$schema": CARD_SCHEMA, "type": "AdaptiveCard", "version": "1.4", "body": body}
    if notice.run:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "Run", "url": notice.run}]
    content_type = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": content_type, "contentUrl": None, "content": card}]}


def _block(text: str, **more: str) -> dict[str, Any]:
    return {"type": "TextBlock", "text": card_text(text), "wrap": True, **more}


def card_text(text: str) -> str:
    return MARKED.sub(r"\\\1", text)
