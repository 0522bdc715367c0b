"""Slack's and Teams' messages: their limits are kept whatever a notice holds, and its text is only text."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.config.notify import EmailReceiver
from modelway.notices import chat
from modelway.notices.issues import comment_of, title_of
from modelway.notices.mail import message_of
from modelway.notices.notice import Happening, Notice, notice_of
from modelway.notices.sns import form_of

MARKUP = "<!channel> <@U1> @here & *bold* _it_ ~no~ `code` <https://example.org|link> [a](http://b) | # <b> ##[error]"
TEXTS = st.text() | st.sampled_from(
    [MARKUP, MARKUP * 100, "&" * 5000, "\u202e\u0000\ud83d", "é" * 4000, "line\nline\r\n"]
)


def a_notice(
    sentence: str = "it is broken", reasons: tuple[str, ...] = (), model: str = "parcels", **more: Any
) -> Notice:
    given = {"subject": "rollout", "outcome": "failed", "environment": "production", "version": 7} | more
    found = Happening(sentence=sentence, reasons=reasons, model=model, **given)
    at, run = "2026-11-27T08:30:00.000+00:00", "https://github.com/team/parcels/actions/runs/1"
    return notice_of(found, identity="a" * 64, at=at, run=run, report="", clean=str)


NOTICES = st.builds(a_notice, TEXTS, st.lists(TEXTS, max_size=12).map(tuple), TEXTS, subject=TEXTS, environment=TEXTS)


@given(NOTICES)
def test_slack_takes_every_message(notice: Notice) -> None:
    """Its limits: a header of 150 characters, a text of 1 to 3,000 in at most 50 blocks."""
    message = chat.slack(notice)
    header, *sections, context = message["blocks"]
    assert 1 <= len(header["text"]["text"]) <= 150 and len(message["blocks"]) <= 50
    for text in [section["text"]["text"] for section in sections] + [context["elements"][0]["text"]]:
        assert 1 <= len(text) <= 3000
        assert not re.search(r"<(?!https://github\.com/team/parcels/actions/runs/1\|run>)", text), "no mention, no link"
        assert not re.search(r"&(?!amp;|lt;|gt;)", text), "no half entity"
    json.dumps(message).encode()


@given(NOTICES)
def test_teams_takes_every_message(notice: Notice) -> None:
    """28 KB at most."""
    message = chat.teams(notice)
    (attachment,) = message["attachments"]
    assert (message["type"], attachment["contentType"]) == ("message", "application/vnd.microsoft.card.adaptive")
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert len(json.dumps(message, ensure_ascii=False).encode()) <= 28_000


@given(NOTICES)
def test_mail_sns_and_issues_take_every_message(notice: Notice) -> None:
    receiver = EmailReceiver(to=("a@example.org",), sender="b@example.org", host="localhost")
    mail = message_of(notice, receiver)
    assert "\n" not in mail["Subject"] and mail.as_bytes()
    form = form_of(notice, "arn:aws:sns:eu-central-1:123456789012:a.fifo").decode()
    (subject,) = re.findall(r"Subject=([^&]*)", form)
    assert len(subject) > 0 and len(form.encode()) < 262_144
    assert len(title_of(notice)) <= 256 and len(comment_of(notice)) <= 65_536 - 3000
    assert comment_of(notice).count("<!--") == 0


@pytest.mark.parametrize("text", ["*bold*", "_it_", "~no~", "`code`", "<!channel>", "<@U1>", "a & b"])
def test_markup_is_shown_as_it_is(text: str) -> None:
    shown = chat.mrkdwn(text).replace("\u200b", "").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    assert shown == text and chat.mrkdwn(text) != text
    assert chat.card_text(text).replace("\\", "") == text


def test_a_long_list_of_reasons_is_cut_and_said() -> None:
    reasons = a_notice(reasons=tuple(f"reason {number}" for number in range(20))).reasons
    assert len(reasons) == 9 and reasons[-1] == "and 12 more, which are in the report"
