"""All configuration of the application: one frozen object, and its only reader of the environment."""

from __future__ import annotations

import ipaddress
import re
from functools import cached_property
from itertools import combinations
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from webapp.inspector.desk import MASKS, ROLES
from webapp.rls.engine import normalise_url
from webapp.rls.transaction import Limits

SECRET_BYTES = 32  # HS256 wants a key as long as its hash (RFC 7518, section 3.2)
_SECRETS = ("secret_key", "secret_key_previous", "jwt_secret", "jwt_secret_previous")


class BadSettings(Exception):
    """Say which settings are wrong, why, and what to set instead; one line for each."""


def _split(value: Any) -> Any:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _checked_url(value: SecretStr | None) -> SecretStr | None:
    if value is not None:
        normalise_url(value.get_secret_value())
    return value


class InspectorSettings(BaseSettings):
    """Hold what the Inspector needs: all of it, for its commands."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_file=None, case_sensitive=False)

    inspector_database_url: SecretStr | None = Field(
        None, description="As the login rowhouse_inspector: the Inspector and the diagnosis of failed writes."
    )
    inspector_roles: Annotated[tuple[str, ...], NoDecode] = Field(
        tuple(sorted(ROLES)), description="Roles that the Inspector may look through, separated by commas."
    )
    inspector_masks: Annotated[tuple[str, ...], NoDecode] = Field(
        MASKS, description="Words; the Inspector shows no value of a column whose name has one of them."
    )

    @field_validator("inspector_database_url", mode="after")
    @classmethod
    def _is_inspector_postgres(cls, value: SecretStr | None) -> SecretStr | None:
        return _checked_url(value)

    @field_validator("inspector_roles", "inspector_masks", mode="before")
    @classmethod
    def _split_words(cls, value: Any) -> Any:
        return _split(value)

    @field_validator("inspector_roles", mode="after")
    @classmethod
    def _are_roles(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("Name a role at least, such as anon,authenticated.")
        if "none" in value or any("\0" in role or len(role.encode()) > 63 for role in value):
            raise ValueError("Name roles of Postgres; none is the login itself, through which nobody looks.")
        return value

    @field_validator("inspector_masks", mode="after")
    @classmethod
    def _are_words(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(re.sub(r"[^a-z0-9]+", "_", word.lower()) for word in value)


class Settings(InspectorSettings):
    """Hold what an operator decides. Every field is an environment variable of the same name in capitals."""

    database_url: SecretStr = Field(description="The pooler, as the login rowhouse_web: every request goes there.")
    signin_database_url: SecretStr = Field(
        description="The pooler, as the login rowhouse_signin: signing up, in, out and refreshing, nothing else."
    )
    database_url_direct: SecretStr | None = Field(
        None, description="Postgres itself, as the owner: migrations and rowhouse admin, never a request."
    )
    inspector_diagnosis: bool = Field(True, description="Tell the log why a write met no row or was refused.")
    secret_key: SecretStr = Field(description="Encrypts the session cookie; 32 bytes or more, the same on each host.")
    secret_key_previous: SecretStr | None = Field(
        None, description="The secret key before this one: cookies made with it are still read."
    )
    jwt_secret: SecretStr = Field(description="Signs access tokens with HS256; 32 bytes or more.")
    jwt_secret_previous: SecretStr | None = Field(
        None, description="The token secret before this one: tokens signed with it are still good until they expire."
    )
    public_url: str = Field(
        "http://127.0.0.1:8000", description="Where people reach the application; https anywhere but on loopback."
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Host names that requests may name, separated by commas; the host of PUBLIC_URL always may."
    )
    proxy_hops: int = Field(
        0, ge=0, le=5, description="How many proxies of yours stand in front and set X-Forwarded-*."
    )
    debug: bool = Field(False, description="Flask's debug mode; refused unless PUBLIC_URL is on loopback.")
    rowhouse_demo: bool = Field(False, description="Offer the demonstration accounts; set by bin/serve alone.")
    statement_timeout_ms: int = Field(8_000, ge=100, description="Milliseconds a statement may take.")
    lock_timeout_ms: int = Field(3_000, ge=100, description="Milliseconds a statement may wait for a lock.")
    idle_timeout_ms: int = Field(10_000, ge=100, description="Milliseconds a transaction may sit idle.")
    transaction_timeout_ms: int = Field(
        30_000, ge=100, description="Milliseconds a transaction may take, from PostgreSQL 17 on."
    )
    connect_timeout_s: int = Field(5, ge=1, le=60, description="Seconds to wait for the pooler to take a connection.")
    max_request_bytes: int = Field(2_000_000, ge=10_000, description="Bytes a request's body may have.")
    import_max_bytes: int = Field(64 * 2**20, ge=10_000, description="Bytes an upload of products may have.")
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least level that is logged.")

    @field_validator("database_url", "signin_database_url", "database_url_direct", mode="after")
    @classmethod
    def _is_postgres(cls, value: SecretStr | None) -> SecretStr | None:
        return _checked_url(value)

    @field_validator("secret_key", "secret_key_previous", "jwt_secret", "jwt_secret_previous", mode="after")
    @classmethod
    def _is_long(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value().encode()) < SECRET_BYTES:
            raise ValueError(
                f"It has fewer than {SECRET_BYTES} bytes. Make one with: "
                'python3 -c "import secrets; print(secrets.token_urlsafe(48))"'
            )
        return value

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, value: Any) -> Any:
        return _split(value)

    @field_validator("public_url", mode="after")
    @classmethod
    def _is_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query:
            raise ValueError("Write a scheme and a host, such as https://work.example.com, without a path.")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _is_safe(self) -> Settings:
        if self.debug and not self.on_loopback:
            raise ValueError("DEBUG shows source and variables to visitors. Unset it, or set PUBLIC_URL to loopback.")
        if urlsplit(self.public_url).scheme == "http" and not self.on_loopback:
            raise ValueError("PUBLIC_URL is http outside loopback, so cookies would travel in clear. Use https.")
        if self.rowhouse_demo and not self.on_loopback:
            raise ValueError("ROWHOUSE_DEMO lets everybody in. Unset it, or set PUBLIC_URL to loopback.")
        if self.inspector_database_url and _login(self.inspector_database_url) == _login(self.database_url):
            raise ValueError(
                "INSPECTOR_DATABASE_URL has the login of DATABASE_URL. Set it to rowhouse_inspector, or unset it."
            )
        secrets = {name: getattr(self, name) for name in _SECRETS if getattr(self, name) is not None}
        for one, other in combinations(secrets, 2):
            if secrets[one].get_secret_value() == secrets[other].get_secret_value():
                raise ValueError(
                    f"{one.upper()} and {other.upper()} are the same; one leak would be two. Make another."
                )
        return self

    @cached_property
    def on_loopback(self) -> bool:
        """Tell whether people reach the application on this machine only."""
        host = urlsplit(self.public_url).hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost" or host.endswith(".localhost")

    @property
    def secure_cookies(self) -> bool:
        """Tell whether cookies carry Secure and the __Host- prefix."""
        return urlsplit(self.public_url).scheme == "https"

    @property
    def previous_keys(self) -> tuple[str, ...]:
        """Return the secret keys that cookies may still be made with."""
        return (self.secret_key_previous.get_secret_value(),) if self.secret_key_previous else ()

    @property
    def previous_jwt_secrets(self) -> tuple[str, ...]:
        """Return the secrets that access tokens may still be signed with."""
        return (self.jwt_secret_previous.get_secret_value(),) if self.jwt_secret_previous else ()

    @property
    def trusted_hosts(self) -> list[str]:
        """Return the host names that a request may name."""
        own = urlsplit(self.public_url).hostname or ""
        return sorted({own, *self.allowed_hosts, *(("localhost", "127.0.0.1", "[::1]") if self.on_loopback else ())})

    @property
    def limits(self) -> Limits:
        """Return the timeouts of every transaction."""
        return Limits(
            self.statement_timeout_ms, self.lock_timeout_ms, self.idle_timeout_ms, self.transaction_timeout_ms
        )


def _login(url: SecretStr) -> str | None:
    return normalise_url(url.get_secret_value()).username


def load(**overrides: Any) -> Settings:
    """Read the settings, or raise BadSettings with a line for each that is missing or wrong."""
    try:
        return Settings(**overrides)
    except ValidationError as exc:
        raise BadSettings("\n".join(_line(dict(error)) for error in exc.errors())) from None


def _line(error: dict[str, Any]) -> str:
    name = "_".join(str(part) for part in error["loc"][:1]).upper()
    field = Settings.model_fields.get(name.lower())
    if error["type"] == "missing" and field is not None:
        return f"{name} is not set. {field.description}"
    said = str(error["msg"]).removeprefix("Value error, ")
    return f"{name}: {said}" if name else said


class _Direct(BaseSettings):
    model_config = Settings.model_config

    database_url_direct: SecretStr | None = None


def load_inspector(**overrides: Any) -> InspectorSettings:
    """Read the Inspector's settings alone, for commands that serve nobody. Raises BadSettings."""
    try:
        return InspectorSettings(**overrides)
    except ValidationError as exc:
        raise BadSettings("\n".join(_line(dict(error)) for error in exc.errors())) from None


def load_direct_url() -> str:
    """Read DATABASE_URL_DIRECT alone, for commands that serve nobody. Raises BadSettings."""
    found = _Direct().database_url_direct
    try:
        normalise_url(found.get_secret_value() if found else "")
    except ValueError as exc:
        why = str(exc) if found else "Migrations and grants need the owner's login, on Postgres itself."
        raise BadSettings(f"DATABASE_URL_DIRECT is {'wrong' if found else 'not set'}. {why}") from None
    assert found is not None
    return found.get_secret_value()
