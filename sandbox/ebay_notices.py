"""eBay's notices of closed accounts, signed as eBay signs them (https://developer.ebay.com/marketplace-account-deletion)."""

from __future__ import annotations

import base64
import json
import threading
import uuid
from datetime import UTC, datetime
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sandbox.party import BadOption, encoded

SECONDS_TO_ANSWER = 10


class Notices:
    """Sign notices with a key of this run, and show its public half."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.key_id = str(uuid.uuid4())
        self._sent: list[dict[str, Any]] = []

    def public_key(self) -> dict[str, str]:
        """Return the public half as eBay tells it: PEM, on one line."""
        pem = self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        return {"key": "".join(pem.split("\n")), "algorithm": "ECDSA", "digest": "SHA1"}

    def signature(self, body: bytes) -> str:
        """Return the X-EBAY-SIGNATURE of a body."""
        value = self._key.sign(body, ec.ECDSA(SHA1()))  # noqa: S303 - eBay's choice
        said = {"alg": "ecdsa", "kid": self.key_id, "signature": _text(value), "digest": "SHA1"}
        return _text(json.dumps(said).encode())

    def send(self, username: str, to: str, now: float) -> dict[str, Any]:
        """Return a signed notice, and post it to an address if one is given; what came back stands in `sent`."""
        if to and not to.startswith(("http://", "https://")):
            raise BadOption("a notice is posted to an address of the web")
        body = encoded(_notice(username, datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")))
        sent = {"body": body.decode(), "signature": self.signature(body), "to": to, "answer": None}
        self._sent.append(sent)
        if to:
            threading.Thread(target=_post, args=(sent,), name="ebay-notice", daemon=True).start()
        return sent

    def sent(self) -> dict[str, Any]:
        """Return every notice with the status that it was answered with: None while there is none, 0 where none came."""
        return {"notices": list(self._sent)}


def _post(sent: dict[str, Any]) -> None:
    headers = {"Content-Type": "application/json", "X-EBAY-SIGNATURE": sent["signature"]}
    try:
        with urlopen(Request(sent["to"], sent["body"].encode(), headers), timeout=SECONDS_TO_ANSWER) as answer:  # noqa: S310 - checked above
            sent["answer"] = answer.status
    except HTTPError as error:
        sent["answer"] = error.code
    except (URLError, OSError):
        sent["answer"] = 0


def _notice(username: str, at: str) -> dict[str, Any]:
    data = {"username": username, "userId": uuid.uuid4().hex[:11], "eiasToken": uuid.uuid4().hex}
    dates = {"eventDate": at, "publishDate": at, "publishAttemptCount": 1}
    return {
        "metadata": {"topic": "MARKETPLACE_ACCOUNT_DELETION", "schemaVersion": "1.0", "deprecated": False},
        "notification": {"notificationId": str(uuid.uuid4()), **dates, "data": data},
    }


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")
