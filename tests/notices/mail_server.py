"""A mail server for tests: PORT FOLDER SETTINGS. Each message that it takes becomes a file of the folder.

settings: certificate and key, for STARTTLS; implicit: TLS from the first byte; user and password, without which it takes
nothing; refuses: recipients that it does not know; busy: how many messages it first turns away for now."""

import json
import ssl
import sys
import time
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

port, folder, settings = int(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3])
busy = settings.get("busy", 0)


class Handler:
    async def handle_RCPT(  # noqa: N802 - the names that aiosmtpd looks for
        self, server, session, envelope, address, options
    ):
        if address in settings.get("refuses", []):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - the same
        global busy
        if busy:
            busy -= 1
            return "451 try again later"
        number = len(list(folder.iterdir()))
        (folder / f"{number}.eml").write_bytes(envelope.content)
        return "250 OK"


def may_log_in(server, session, envelope, mechanism, data):
    given = data.login.decode(), data.password.decode()
    return AuthResult(success=given == (settings["user"], settings["password"]), handled=False)


context = None
if "certificate" in settings:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(settings["certificate"], settings["key"])
implicit = settings.get("implicit", False)
login = (
    {"auth_required": True, "authenticator": may_log_in, "auth_require_tls": not implicit} if "user" in settings else {}
)
starttls = {} if implicit or context is None else {"tls_context": context, "require_starttls": True}
controller = Controller(
    Handler(), hostname="localhost", port=port, ssl_context=context if implicit else None, **starttls, **login
)
controller.start()
print("listening", flush=True)
time.sleep(600)
