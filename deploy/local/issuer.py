"""The development identity provider: a key per stack, its JWKS, and tokens signed with it.

Services take it only with `MILEPOST_ENVIRONMENT=local`: elsewhere a JWKS must be an https address.
"""

import json
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from joserfc import jwt
from joserfc.jwk import ECKey

from deploy.local.home import PREFIX, Home, read_json, write_json

ISSUER: Final = os.environ.get(f"{PREFIX}OIDC_ISSUER") or "milepost-local"
"""A name is enough; where browsers know the issuer by an address, it is that address."""
AUDIENCE: Final = "milepost"
CLIENT: Final = "milepost-pages"
ROLES: Final = (
    "administrator",
    "channel_manager",
    "analyst",
    "limited_analyst",
    "source",
    "service",
    "partner_admin",
    "partner_member",
    "seller",
)
STANDING_ROLES: Final = ROLES[:6]
# The year 2100: the local clock jumps, tokens stay good, and no issue time can lie in its future.
EXPIRES: Final = 4_102_444_800


@dataclass(frozen=True)
class Holder:
    """Whom a token is for."""

    roles: tuple[str, ...]
    subject: str | None = None
    partner: str | None = None
    email: str | None = None
    name: str | None = None

    def claims(self, audience: str = AUDIENCE) -> dict[str, object]:
        """What a token for an audience says about the holder."""
        said: dict[str, object] = {
            "iss": ISSUER,
            "aud": audience,
            "sub": self.subject or self.email or self.roles[0],
            "roles": list(self.roles),
            "exp": EXPIRES,
        }
        bound = {"partner_id": self.partner, "email": self.email, "name": self.name}
        return said | {claim: value for claim, value in bound.items() if value}


def issue(home: Home, holder: Holder) -> str:
    """A token for a holder, signed with the stack's key."""
    return sign(home, holder.claims())


def sign(home: Home, claims: Mapping[str, object]) -> str:
    """A token that says these claims, signed with the stack's key."""
    key = _key(home)
    return jwt.encode({"alg": "ES256", "kid": key.kid}, dict(claims), key)


def standing_tokens(home: Home) -> dict[str, str]:
    """A token for each role that `stack.json` names; the same ones at every start."""
    file = home.issuer / "tokens.json"
    tokens: dict[str, str] = read_json(file)
    if not tokens:
        tokens = {role: issue(home, Holder((role,))) for role in STANDING_ROLES}
        write_json(file, dict(tokens), mode=0o600)
    return tokens


def page_secrets(home: Home) -> dict[str, str]:
    """What the services' pages share: the issuer's client secret and the key of sessions."""
    file = home.issuer / "pages.json"
    found: dict[str, str] = read_json(file)
    if not found:
        found = {name: secrets.token_urlsafe(32) for name in ("client_secret", "session_key")}
        write_json(file, dict(found), mode=0o600)
    return found


def public_keys(home: Home) -> dict[str, object]:
    """The stack's JWKS, made when it is first asked for."""
    _key(home)
    return read_json(home.issuer / "jwks.json")


def _key(home: Home) -> ECKey:
    file = home.issuer / "key.json"
    if file.exists():
        return ECKey.import_key(json.loads(file.read_text()))
    home.issuer.mkdir(parents=True, exist_ok=True)
    key = ECKey.generate_key(
        "P-256", {"kid": f"local-{time.time_ns()}", "use": "sig"}, private=True
    )
    file.touch(mode=0o600)
    file.write_text(json.dumps(key.as_dict(private=True)))
    jwks = {"keys": [key.as_dict(private=False)]}
    (home.issuer / "jwks.json").write_text(json.dumps(jwks, indent=2) + "\n")
    return key
