"""Symphony's own client library, through its user service, against the mock server as the pod.

With a certificate the library signs in at a host of its own (`sessionAuth`); with an RSA key it would do so at the pod.
So it signs in at a stub, and everything else goes to the mock server.
"""

import asyncio
import datetime
import http.server
import json
import tempfile
import threading
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from symphony.bdk.core.config.model.bdk_config import BdkConfig
from symphony.bdk.core.symphony_bdk import SymphonyBdk
from symphony.bdk.gen import ApiException
from symphony.bdk.gen.pod_model.user_status import UserStatus

from expect import CREDENTIALS, MOCK_URL, Client

USER = 7215545078541
KEYMANAGER = 7215545057281
UNTIL = 1798761599000
TOKEN = CREDENTIALS["symphony"]["sessionToken"]
client = Client(f"symphony-bdk-python {version('symphony-bdk-python')}")


class SignIn(http.server.BaseHTTPRequestHandler):
    """Hands out the tokens of `tokens`, the last one again and again."""

    tokens = []
    count = 0

    def do_POST(self):
        if self.path == "/sessionauth/v1/authenticate":
            SignIn.count += 1
            token = self.tokens.pop(0) if len(self.tokens) > 1 else self.tokens[0]
            self.answer(200, {"name": "sessionToken", "token": token})
        elif self.path == "/keyauth/v1/authenticate":
            self.answer(200, {"name": "keyManagerToken", "token": "unused"})
        else:
            self.answer(404, {"message": self.path})

    def answer(self, status, body):
        body = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def certificate(folder):
    """A certificate of nobody, with its key: the library wants one, the stub does not look at it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bot")])
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(days=1))
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL
    path = Path(folder, "bot.pem")
    path.write_bytes(
        key.private_bytes(pem, form, serialization.NoEncryption())
        + builder.sign(key, hashes.SHA256()).public_bytes(pem)
    )
    return str(path)


async def outcome(call):
    """What a call gives: its value, or the status of the library's exception."""
    try:
        return await call
    except ApiException as refused:
        return refused.status
    except Exception as failed:
        return failed


def bdk(stub, path, *tokens):
    SignIn.tokens, SignIn.count = list(tokens), 0
    pod = urlsplit(MOCK_URL)
    sign_in = {"scheme": "http", "host": "127.0.0.1", "port": stub, "context": ""}
    return SymphonyBdk(
        BdkConfig(
            scheme=pod.scheme,
            host=pod.hostname,
            port=pod.port,
            sessionAuth=sign_in,
            keyManager=sign_in,
            bot={"username": "bot", "certificate": {"path": path}},
            retry={"maxAttempts": 2, "initialIntervalMillis": 10, "multiplier": 1, "maxIntervalMillis": 20},
        )
    )


async def main(stub, path):
    async def expect(operation, expected, call):
        client.expect(operation, expected, await outcome(call))

    async def read():
        return (await users.get_status(USER)).to_dict()

    async with bdk(stub, path, TOKEN) as it:
        users = it.users()
        await expect("update_status DISABLED", None, users.update_status(USER, UserStatus(status="DISABLED")))
        await expect("get_status, disabled", {"status": "DISABLED", "suspended": False}, read())
        await expect("update_status ENABLED", None, users.update_status(USER, UserStatus(status="ENABLED")))
        await expect("get_status, enabled", {"status": "ENABLED", "suspended": False}, read())

        suspension = {"suspended": True, "suspendedUntil": UNTIL, "suspensionReason": "Leave of absence"}
        await expect("update_status suspended", None, users.update_status(USER, UserStatus.from_dict(suspension)))
        await expect("get_status, suspended", {"status": "ENABLED", **suspension}, read())
        await expect("update_status not suspended", None, users.update_status(USER, UserStatus(suspended=False)))
        await expect("get_status, not suspended", {"status": "ENABLED", "suspended": False}, read())

        disable = UserStatus(status="DISABLED")
        await expect("update_status DISABLED of keymanager", 400, users.update_status(KEYMANAGER, disable))
        status = (await outcome(users.get_status(KEYMANAGER))).status
        client.expect("get_status of keymanager", "ENABLED", status)
        client.expect("sign-ins", 1, SignIn.count)

    async with bdk(stub, path, "a session that has ended", TOKEN) as it:
        users = it.users()
        await expect("get_status after a new sign-in", {"status": "ENABLED", "suspended": False}, read())
        client.expect("sign-ins after a session that has ended", 2, SignIn.count)

    async with bdk(stub, path, "no session") as it:
        users = it.users()
        await expect("update_status without a session", 401, users.update_status(USER, disable))
    async with bdk(stub, path, TOKEN) as it:
        users = it.users()
        await expect("get_status, as before", {"status": "ENABLED", "suspended": False}, read())


with http.server.ThreadingHTTPServer(("127.0.0.1", 0), SignIn) as server, tempfile.TemporaryDirectory() as folder:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    asyncio.run(main(server.server_port, certificate(folder)))
    server.shutdown()
client.report()
