"""Bearer tokens: which are good, and which are refused with what is wrong with them."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from shared.kernel.clock import FixedClock
from shared.web.auth import MAX_TOKEN, Authenticator
from shared.web.problems import Problem
from tests.store.notifier_parts import settings_for

NOW = datetime(2026, 9, 1, 8, tzinfo=UTC)
ISSUER = "https://issuer.example"
KEY = ECKey.generate_key("P-256", {"kid": "k1"}, private=True)
OTHER = ECKey.generate_key("P-256", {"kid": "k1"}, private=True)


def seconds(of: timedelta) -> int:
    return int((NOW + of).timestamp())


def token(
    key: ECKey | OctKey = KEY, algorithm: str = "ES256", kid: str = "k1", **claims: Any
) -> str:
    told = {
        "iss": ISSUER,
        "aud": "milepost",
        "sub": "ann",
        "roles": ["administrator", "owner of everything"],
        "exp": seconds(timedelta(hours=1)),
    } | claims
    return jwt.encode({"alg": algorithm, "kid": kid}, told, key, algorithms=[algorithm])


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def authenticator(tmp_path: Path, clock: FixedClock) -> Authenticator:
    keys = tmp_path / "jwks.json"
    keys.write_text(json.dumps({"keys": [KEY.as_dict(private=False)]}))
    settings = settings_for("postgresql://x", 25, oidc_jwks=str(keys))
    return Authenticator(settings, clock)


async def refusal(authenticator: Authenticator, told: str) -> str:
    with pytest.raises(Problem) as refused:
        await authenticator.authenticate(told)
    assert refused.value.status == 401
    return str(refused.value.detail)


async def test_roles_that_are_known_are_taken_and_others_left(authenticator: Authenticator) -> None:
    principal = await authenticator.authenticate(token())
    assert principal.roles == {"administrator"}
    assert await authenticator.authenticate(token(aud=["other", "milepost"])) == principal


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"iss": "https://evil.example"}, "the token is from another issuer"),
        ({"aud": "another"}, "the token is for another audience"),
        ({"exp": "tomorrow"}, "the token has expired"),
        ({"nbf": "yesterday"}, "the token is not valid yet"),
        ({"roles": "administrator"}, "the token's roles are not a list"),
    ],
)
async def test_what_a_token_says_has_to_make_sense(
    authenticator: Authenticator, claims: dict[str, Any], reason: str
) -> None:
    assert await refusal(authenticator, token(**claims)) == reason


@pytest.mark.parametrize(("apart", "is_good"), [(59, True), (60, False)])
async def test_an_issuers_clock_may_be_a_minute_behind(
    authenticator: Authenticator, apart: int, is_good: bool
) -> None:
    told = token(exp=seconds(-timedelta(seconds=apart)))
    if is_good:
        await authenticator.authenticate(told)
    else:
        assert await refusal(authenticator, told) == "the token has expired"


@pytest.mark.parametrize(("apart", "is_good"), [(60, True), (61, False)])
async def test_an_issuers_clock_may_be_a_minute_ahead(
    authenticator: Authenticator, apart: int, is_good: bool
) -> None:
    told = token(nbf=seconds(timedelta(seconds=apart)))
    if is_good:
        await authenticator.authenticate(told)
    else:
        assert await refusal(authenticator, told) == "the token is not valid yet"


async def test_a_token_that_was_good_expires_all_the_same(
    authenticator: Authenticator, clock: FixedClock
) -> None:
    told = token()
    await authenticator.authenticate(told)
    clock.advance(timedelta(hours=2))
    assert await refusal(authenticator, told) == "the token has expired"


async def test_a_signature_has_to_be_by_a_key_that_is_known(authenticator: Authenticator) -> None:
    secret = OctKey.import_key(json.dumps(KEY.as_dict(private=False)))
    for told in (
        token(OTHER),
        token(OTHER, kid="k2"),
        token(secret, "HS256"),
        "x" * (MAX_TOKEN + 1),
    ):
        assert await refusal(authenticator, told) in (
            "the token's signature cannot be verified",
            "the token is too long",
        )
