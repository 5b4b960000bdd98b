"""A receiver of Riskwire's webhooks in Python, with nothing but the standard library.

    RECEIVER_SECRET=whsec_... python3 examples/receiver-python/receiver.py

The library `standardwebhooks` (PyPI) verifies the same signatures.
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOLERANCE_SECONDS = 300
MOST_BYTES = 1 << 20


def verify(secret, headers, body, now=None):
    """Checks a webhook by Standard Webhooks and returns what it says; raises ValueError when it isn't genuine.

    `body` are the exact bytes that came: parse them only after this.
    """
    message_id = headers.get("webhook-id")
    timestamp = headers.get("webhook-timestamp")
    signatures = headers.get("webhook-signature")
    if not (message_id and timestamp and signatures):
        raise ValueError("one of webhook-id, webhook-timestamp, webhook-signature is missing")
    now = time.time() if now is None else now
    if not timestamp.isdigit() or abs(now - int(timestamp)) > TOLERANCE_SECONDS:
        raise ValueError("webhook-timestamp is too far from this clock")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{timestamp}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    # During a rotation there are two signatures; one of them is by our secret.
    if not any(hmac.compare_digest(expected, one) for one in signatures.split(" ")):
        raise ValueError("no signature of webhook-signature is by this secret")
    return json.loads(body)


class Receiver(BaseHTTPRequestHandler):
    secret = ""
    seen = set()

    def do_POST(self):
        length = int(self.headers.get("content-length", "0"))
        if length > MOST_BYTES:
            self.send_error(413)
            return
        try:
            payload = verify(self.secret, self.headers, self.rfile.read(length))
        except ValueError as error:
            print(f"refused: {error}", flush=True)
            self.send_error(401)
            return
        message_id = self.headers["webhook-id"]
        if message_id not in self.seen:  # the same id is the same change, sent again
            self.seen.add(message_id)
            print(f"{payload['type']} {message_id}", flush=True)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args):
        pass


if __name__ == "__main__":
    Receiver.secret = os.environ.get("RECEIVER_SECRET", "")
    if not Receiver.secret:
        sys.exit("set RECEIVER_SECRET to the whsec_... that POST /v1/endpoints showed")
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("RECEIVER_PORT", "9410"))), Receiver)
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
