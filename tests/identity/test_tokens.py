"""Which access tokens prove who somebody is, and which of the forged ones do: none."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
import pytest

from webapp.identity.provider import Account
from webapp.identity.tokens import MAX_LENGTH, AccessTokens, InvalidToken
from webapp.rls import Identity

SECRET = "a-secret-of-the-test-suite-with-more-than-32-bytes"
OTHER = "another-secret-of-the-suite-with-more-than-32-bytes"
ISSUER = "https://rowhouse.test/auth/v1"
PERSON = UUID("01890000-0000-7000-8000-000000000001")
SESSION = UUID("01890000-0000-7000-8000-000000000002")
NOW = int(datetime.now(UTC).timestamp())

CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "sub": str(PERSON),
    "aud": "authenticated",
    "role": "authenticated",
    "email": "owner@acme.test",
    "app_metadata": {"provider": "email"},
    "session_id": str(SESSION),
    "iat": NOW - 10,
    "exp": NOW + 3600,
}


@pytest.fixture
def tokens() -> AccessTokens:
    return AccessTokens(SECRET, ISSUER)


def account(**app_metadata: Any) -> Account:
    return Account(PERSON, SESSION, "owner@acme.test", app_metadata)


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def raw(header: bytes, payload: bytes, secret: str = SECRET) -> str:
    """Sign any bytes as PyJWT would sign a token that it made."""
    signed = f"{b64(header)}.{b64(payload)}"
    return f"{signed}.{b64(hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest())}"


def signed(*without: str, secret: str = SECRET, header: dict[str, Any] | None = None, **changed: Any) -> str:
    claims = {key: value for key, value in (CLAIMS | changed).items() if key not in without}
    return jwt.encode(claims, secret, algorithm="HS256", headers=header)


def unsigned(alg: str) -> str:
    return f"{b64(json.dumps({'alg': alg, 'typ': 'JWT'}).encode())}.{b64(json.dumps(CLAIMS).encode())}."


def altered(change: Callable[[list[str]], None]) -> str:
    parts = signed().split(".")
    change(parts)
    return ".".join(parts)


def _other_payload(parts: list[str]) -> None:
    parts[1] = b64(json.dumps(CLAIMS | {"sub": "01890000-0000-7000-8000-00000000000f"}).encode())


def _other_signature(parts: list[str]) -> None:
    parts[2] = ("A" if parts[2][0] != "A" else "B") + parts[2][1:]


HS256 = b'{"alg":"HS256","typ":"JWT"}'

FORGED: dict[str, str] = {
    "empty": "",
    "no token at all": "no token at all",
    "two dots": "..",
    "two parts": ".".join(signed().split(".")[:2]),
    "four parts": signed() + ".more",
    "without a signature": altered(lambda parts: parts.__setitem__(2, "")),
    "another signature": altered(_other_signature),
    "another payload under the old signature": altered(_other_payload),
    "alg none": unsigned("none"),
    "alg None": unsigned("None"),
    "alg NONE": unsigned("NONE"),
    "alg empty": unsigned(""),
    "alg RS256 with an HMAC of our secret": raw(b'{"alg":"RS256","typ":"JWT"}', json.dumps(CLAIMS).encode()),
    "alg HS512": jwt.encode(CLAIMS, SECRET.ljust(64, "x"), algorithm="HS512"),
    "alg HS384 with our secret": jwt.encode(CLAIMS, SECRET, algorithm="HS384"),
    "alg of a wrong type": raw(b'{"alg":["HS256"]}', json.dumps(CLAIMS).encode()),
    "no alg": raw(b'{"typ":"JWT"}', json.dumps(CLAIMS).encode()),
    "an unknown critical header": signed(header={"crit": ["exp"], "exp": NOW}),
    "another secret": signed(secret=OTHER),
    "an empty secret": raw(HS256, json.dumps(CLAIMS).encode(), secret=""),
    "a key of its own in the header": signed(secret=OTHER, header={"jwk": {"kty": "oct", "k": b64(OTHER.encode())}}),
    "a header nested beyond the parser": raw(b'{"alg":' + b"[" * 4000 + b"]" * 4000 + b"}", b"{}"),
    "a header that is no object": raw(b"[]", json.dumps(CLAIMS).encode()),
    "a header that is no JSON": raw(b"\xff\xfe", json.dumps(CLAIMS).encode()),
    "a payload that is no object": raw(HS256, b'"authenticated"'),
    "a payload that is no JSON": raw(HS256, b"\xff\xfe"),
    "longer than any of ours": signed(padding="x" * MAX_LENGTH),
    "expired": signed(exp=NOW - 31),
    "no exp": signed("exp"),
    "exp null": signed(exp=None),
    "exp true": raw(HS256, json.dumps(CLAIMS | {"exp": True}).encode()),
    "exp as text": raw(HS256, json.dumps(CLAIMS | {"exp": str(NOW + 3600)}).encode()),
    "exp infinite": raw(HS256, json.dumps(CLAIMS).replace(str(NOW + 3600), "Infinity").encode()),
    "exp beyond all years": signed(exp=10**30),
    "not yet valid": signed(nbf=NOW + 3600),
    "issued in the future": signed(iat=NOW + 3600),
    "no iat": signed("iat"),
    "no sub": signed("sub"),
    "sub no UUID": signed(sub="owner@acme.test"),
    "sub a number": raw(HS256, json.dumps(CLAIMS | {"sub": 7}).encode()),
    "sub in braces": signed(sub="{" + str(PERSON) + "}"),
    "sub a URN": signed(sub=f"urn:uuid:{PERSON}"),
    "no aud": signed("aud"),
    "aud of another audience": signed(aud="anon"),
    "aud a list with ours in it": signed(aud=["authenticated", "other"]),
    "no iss": signed("iss"),
    "another issuer": signed(iss="https://elsewhere.test/auth/v1"),
    "no session": signed("session_id"),
    "session no UUID": signed(session_id="1"),
    "session a list": signed(session_id=[str(SESSION)]),
    "no role": signed("role"),
    "the role that passes RLS by": signed(role="service_role"),
    "the anon key": signed("sub", "session_id", role="anon"),
    "the role anon with a person's sub": signed(role="anon"),
    "the role of the owner": signed(role="postgres"),
    "a role that is a list": signed(role=["authenticated"]),
    "app_metadata no object": signed(app_metadata="rowhouse_admin"),
    "email no text": signed(email=["owner@acme.test"]),
    "a claim that jsonb has no number for": raw(HS256, json.dumps(CLAIMS | {"x": float("nan")}).encode()),
    "a claim with NUL": signed(x="\0"),
    "a claim with half a surrogate pair": signed(x="\ud800"),
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED.keys())
def test_a_forged_token_proves_nothing(tokens: AccessTokens, forged: str) -> None:
    with pytest.raises(InvalidToken):
        tokens.verify(forged)


def test_there_are_forty_forged_tokens_or_more() -> None:
    assert len(FORGED) >= 40
    assert len(set(FORGED.values())) == len(FORGED)


def test_the_token_that_the_forged_ones_were_made_from_is_good(tokens: AccessTokens) -> None:
    assert tokens.verify(signed()).user_id == PERSON
    assert tokens.verify(raw(HS256, json.dumps(CLAIMS).encode())).session_id == SESSION


def test_what_is_issued_is_verified(tokens: AccessTokens) -> None:
    text, expires_at = tokens.issue(account(provider="email"))
    claims = tokens.verify(text)
    assert (claims.user_id, claims.session_id, claims.email) == (PERSON, SESSION, "owner@acme.test")
    assert claims.expires_at == expires_at
    assert claims.identity.user_id == PERSON
    assert claims.identity == Identity.user(claims.values)


def test_an_access_token_lasts_an_hour_and_half_a_minute(tokens: AccessTokens) -> None:
    now = datetime.now(UTC)
    still, _ = tokens.issue(account(), now=now - timedelta(hours=1, seconds=25))
    over, _ = tokens.issue(account(), now=now - timedelta(hours=1, seconds=32))
    assert tokens.verify(still).user_id == PERSON
    with pytest.raises(InvalidToken):
        tokens.verify(over)


def test_a_token_of_the_previous_secret_is_still_good() -> None:
    before, after = AccessTokens(OTHER, ISSUER), AccessTokens(SECRET, ISSUER, previous=(OTHER,))
    assert after.verify(before.issue(account())[0]).user_id == PERSON
    with pytest.raises(InvalidToken):
        before.verify(after.issue(account())[0])


@pytest.mark.parametrize("metadata", [{}, {"rowhouse_admin": 1}, {"rowhouse_admin": "true"}, {"rowhouse_admin": None}])
def test_only_true_makes_an_administrator(tokens: AccessTokens, metadata: dict[str, Any]) -> None:
    assert not tokens.verify(tokens.issue(account(**metadata))[0]).is_platform_admin
    assert tokens.verify(tokens.issue(account(rowhouse_admin=True))[0]).is_platform_admin


def test_user_metadata_makes_nobody_an_administrator(tokens: AccessTokens) -> None:
    assert not tokens.verify(signed(user_metadata={"rowhouse_admin": True})).is_platform_admin


def test_a_refusal_quotes_nothing_of_the_token(tokens: AccessTokens) -> None:
    for forged in FORGED.values():
        with pytest.raises(InvalidToken) as caught:
            tokens.verify(forged)
        assert not re.search(r"acme|eyJ|0189|elsewhere", str(caught.value))


@pytest.mark.parametrize(("secret", "previous"), [("short", ()), (SECRET, ("short",)), ("x" * 31, ())])
def test_a_short_secret_is_refused(secret: str, previous: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        AccessTokens(secret, ISSUER, previous=previous)
