"""Resource data in Graph's change notifications, which come encrypted for the subscriber's key."""

import base64
import hashlib
import hmac
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from services.ingest.domain.reading import read_json

# The vendor's choice; as a mask in OAEP it is not the collision-prone use of it.
_OAEP: Final = OAEP(mgf=MGF1(algorithm=SHA1()), algorithm=SHA1(), label=None)  # noqa: S303


class ContentFaultError(ValueError):
    """Encrypted content that cannot be opened; the message says why."""


def read_key(pem: bytes) -> RSAPrivateKey:
    """The private key of a subscription's certificate. Raises ValueError for anything else."""
    key = load_pem_private_key(pem, None)
    if isinstance(key, RSAPrivateKey):
        return key
    raise ValueError("is no RSA key")


def with_content(payload: Any, key: RSAPrivateKey) -> Any:
    """A payload with each notification's encrypted content as its resource data.

    Raises ContentFaultError.
    """
    entries = payload.get("value") if isinstance(payload, dict) else None
    if not isinstance(entries, list):
        return payload
    return {**payload, "value": [_opened(entry, key) for entry in entries]}


def _opened(entry: Any, key: RSAPrivateKey) -> Any:
    sealed = entry.get("encryptedContent") if isinstance(entry, dict) else None
    if not isinstance(sealed, dict):
        return entry
    try:
        data, data_key, signature = (
            base64.b64decode(sealed[name], validate=True)
            for name in ("data", "dataKey", "dataSignature")
        )
        content = read_json(_decrypt(data, data_key, signature, key))
    except (ValueError, KeyError, TypeError) as failure:
        reason = f"lacks {failure}" if isinstance(failure, KeyError) else "cannot be opened"
        raise ContentFaultError(f"encryptedContent {reason}") from None
    if not isinstance(content, dict):
        raise ContentFaultError("encryptedContent holds no object")
    rest = {name: value for name, value in entry.items() if name != "encryptedContent"}
    known = rest.get("resourceData")
    return {**rest, "resourceData": {**(known if isinstance(known, dict) else {}), **content}}


def _decrypt(data: bytes, sealed_key: bytes, signature: bytes, key: RSAPrivateKey) -> bytes:
    """The content. Raises ValueError where the key is another's or the data was changed."""
    secret = key.decrypt(sealed_key, _OAEP)
    if not hmac.compare_digest(hmac.new(secret, data, hashlib.sha256).digest(), signature):
        raise ValueError("changed")
    block = AES.block_size // 8
    decryptor = Cipher(AES(secret), CBC(secret[:block])).decryptor()
    unpadder = PKCS7(AES.block_size).unpadder()
    padded = decryptor.update(data) + decryptor.finalize()
    return unpadder.update(padded) + unpadder.finalize()
