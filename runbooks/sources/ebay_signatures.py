"""The signature of eBay's notices: read from its header and checked with eBay's public key.

Documentation: https://developer.ebay.com/api-docs/commerce/notification/overview.html#use
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import load_der_public_key

#: Characters of the header, which are some 300.
LONGEST = 1_000
#: It becomes a part of an address.
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
#: eBay writes its key on one line, which no reader of PEM takes.
_KEY = re.compile(r"-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----")


class BadSignature(Exception):
    """eBay has not signed this."""


@dataclass(frozen=True, slots=True)
class Signature:
    """Hold what was signed with which of eBay's keys."""

    key_id: str
    value: bytes


def read_signature(header: str) -> Signature:
    """Return what X-EBAY-SIGNATURE holds. Raises BadSignature for what is none, or is of another kind than ECDSA over SHA-1."""
    try:
        said = json.loads(base64.b64decode(header[: LONGEST + 1], validate=True))
        key_id, value = said["kid"], base64.b64decode(said["signature"], validate=True)
        kind = (str(said["alg"]).upper(), str(said["digest"]).upper())
    except (binascii.Error, ValueError, TypeError, KeyError, RecursionError) as error:
        raise BadSignature("X-EBAY-SIGNATURE is missing or cannot be read.") from error
    if len(header) > LONGEST or not isinstance(key_id, str) or not _KEY_ID.fullmatch(key_id) or kind != ("ECDSA", "SHA1"):
        raise BadSignature("X-EBAY-SIGNATURE is of no kind that eBay makes.")
    return Signature(key_id, value)


def check_signature(body: bytes, signature: Signature, public_key: str) -> None:
    """Raise BadSignature unless this body, to the letter, was signed with the private half of eBay's key."""
    try:
        found = _KEY.fullmatch(public_key.strip())
        key = load_der_public_key(base64.b64decode(found[1])) if found else None
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadSignature("The public key cannot be read.") from error
    if not isinstance(key, EllipticCurvePublicKey):
        raise BadSignature("The public key is none of elliptic curves.")
    try:
        key.verify(signature.value, body, ECDSA(SHA1()))  # noqa: S303 - eBay's choice
    except InvalidSignature as error:
        raise BadSignature("The signature is not that of this notice.") from error
