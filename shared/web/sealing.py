"""Small values that travel through a browser and come back as they were, or not at all."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

import orjson
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

_HEADER: Final = {"alg": "dir", "enc": "A256GCM"}
_ALGORITHMS: Final = ["dir", "A256GCM"]
LONGEST: Final = 8192


class Sealer:
    """Encrypts and authenticates values (JWE, AES-256-GCM) for one purpose.

    The first of the keys seals, all of them open, so that a key can be replaced without signing
    anybody out. What was sealed for one purpose does not open for another.
    """

    def __init__(self, keys: Sequence[str], purpose: str) -> None:
        self._keys = [_derived(key, purpose) for key in keys]
        self.fingerprint = sha256(f"{purpose}\n{keys[0]}".encode()).hexdigest()[:8]
        """Tells the first key from others without giving it away."""

    def seal(self, content: Mapping[str, Any]) -> str:
        """The content as text that only this key opens."""
        return jwe.encrypt_compact(
            _HEADER, orjson.dumps(dict(content)), self._keys[0], algorithms=_ALGORITHMS
        )

    def open(self, text: str | None) -> dict[str, Any] | None:
        """The content that was sealed; None for anything that was not sealed by one of the keys."""
        if not text or len(text) > LONGEST:
            return None
        for key in self._keys:
            try:
                opened = jwe.decrypt_compact(text, key, algorithms=_ALGORITHMS).plaintext
                content = orjson.loads(opened or b"")
            except (JoseError, ValueError, TypeError, KeyError):
                continue
            return content if isinstance(content, dict) else None
        return None


def _derived(key: str, purpose: str) -> OctKey:
    derivation = HKDF(algorithm=SHA256(), length=32, salt=None, info=f"milepost {purpose}".encode())
    return OctKey.import_key(derivation.derive(key.encode()))
