"""A notice as an e-mail, by SMTP."""

from __future__ import annotations

import smtplib
import ssl
import time
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path

from modelway.config.notify import EmailReceiver
from modelway.errors import InvalidInput, ModelwayError, OutsideFailure
from modelway.notices.notice import Notice, plain_text, shortened
from modelway.notices.sending import LATER, Rejection

LARGEST_ATTACHMENT = 256 << 10
LONGEST_SUBJECT = 200


def message_of(notice: Notice, receiver: EmailReceiver) -> EmailMessage:
    """The same notice has the same Message-ID, by which mail programs show it once."""
    message = EmailMessage()
    message["Subject"] = shortened(f"[modelway] {notice.title}", LONGEST_SUBJECT)
    message["From"] = receiver.sender
    message["To"] = ", ".join(receiver.to)
    message["Date"] = format_datetime(datetime.fromisoformat(notice.at))
    message["Message-ID"] = f"<{notice.id}@{receiver.sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no machine answers it
    message.set_content(plain_text(notice))
    if receiver.attach_report and notice.report:
        _attach(message, Path(notice.report))
    return message


def _attach(message: EmailMessage, report: Path) -> None:
    """Where it is still there, and small enough."""
    try:
        with report.open("rb") as stream:
            content = stream.read(LARGEST_ATTACHMENT + 1)
    except OSError:
        return
    if len(content) <= LARGEST_ATTACHMENT:
        message.add_attachment(content, maintype="application", subtype="json", filename=report.name)


def send_mail(message: EmailMessage, receiver: EmailReceiver, user: str, password: str, until: float) -> str:
    """Which of several recipients were refused; empty where none was. until: by time.monotonic. OutsideFailure: it may work
    later; Rejection: it will not."""
    where = f"{receiver.host}:{receiver.port}"
    if user and receiver.tls == "never":
        raise InvalidInput(
            f"a password for {where} would go over the network as it is",
            where=f"${receiver.user_variable}",
            fix="set tls: starttls or tls: always, or do not set the variable",
        )
    if not password.isascii() or not user.isascii():
        what = "holds characters that SMTP's login has none of"
        raise InvalidInput(what, where=f"${receiver.password_variable}", fix="set another password")
    failure: ModelwayError = OutsideFailure(f"{where} was not asked: no time was left", fix=LATER)
    pause = 0.2
    while (left := until - time.monotonic()) > 0:
        try:
            return _deliver(message, receiver, user, password, left)
        except (smtplib.SMTPException, OSError, UnicodeError) as error:  # UnicodeError: a host that no name can be
            failure = _in_words(where, receiver, error)
            is_final = isinstance(failure, Rejection) or isinstance(
                error, ssl.SSLError
            )  # as is a certificate, over HTTP
            if is_final or time.monotonic() + pause >= until:
                break
        time.sleep(pause)
        pause *= 2
    raise failure


def _deliver(message: EmailMessage, receiver: EmailReceiver, user: str, password: str, left: float) -> str:
    context = ssl.create_default_context()
    if receiver.tls == "always":
        server: smtplib.SMTP = smtplib.SMTP_SSL(receiver.host, receiver.port, timeout=left, context=context)
    else:
        server = smtplib.SMTP(receiver.host, receiver.port, timeout=left)
    with server:
        if receiver.tls == "starttls":
            server.starttls(context=context)
        if user:
            server.login(user, password)
        refused = server.send_message(message)
    return f"refused for {', '.join(sorted(refused))}" if refused else ""


def _in_words(where: str, receiver: EmailReceiver, error: Exception) -> ModelwayError:
    """What the server says is not repeated: it may name what it was sent."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        fix = f"check ${receiver.user_variable} and ${receiver.password_variable}"
        return _of_code(f"{where} refused the login", error.smtp_code, fix)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return Rejection(
            f"{where} offers no STARTTLS, or no login", status=0, fix="name its submission port, or set tls"
        )
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _ in error.recipients.values()]
        return _of_code(f"{where} refused every recipient", max(codes, default=0), "check the addresses in `to`")
    if isinstance(error, smtplib.SMTPSenderRefused):
        return _of_code(f"{where} refused the sender", error.smtp_code, "check `from`, and whether it wants a login")
    if isinstance(error, smtplib.SMTPResponseException):
        return _of_code(f"{where} refused the message", error.smtp_code, "look into the mail server's log")
    if isinstance(error, ssl.SSLError):
        fix = "use the name that its certificate is for; name its certificate authority in SSL_CERT_FILE"
        return OutsideFailure(f"TLS with {where} failed: {error.reason or 'no trusted certificate'}", fix=fix)
    if isinstance(error, TimeoutError) or "timed out" in str(error):  # smtplib calls that a disconnection
        return OutsideFailure(f"{where} gave no answer in time", fix=LATER)
    if isinstance(error, smtplib.SMTPServerDisconnected | ConnectionResetError):
        return OutsideFailure(f"the connection to {where} broke", fix=LATER)
    return OutsideFailure(f"{where} cannot be reached", fix=LATER)


def _of_code(what: str, code: int, fix: str) -> ModelwayError:
    """RFC 5321: what begins with 5 is final."""
    said = f"{what} (status {code})"
    return Rejection(said, status=code, fix=fix) if code >= 500 or not code else OutsideFailure(said, fix=LATER)
