"""What the environment says about the database: variables that begin with ``CLEARING_``."""

from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class SettingsError(ValueError):
    """A variable of the environment has a value that cannot be used."""


class Settings(BaseSettings):
    """Where the database is, or where to keep a private one.

    An empty variable counts as unset, so that a compose file may pass through what it was given.
    """

    model_config = SettingsConfigDict(
        env_prefix="CLEARING_",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        # A URL that is refused may hold a password all the same.
        hide_input_in_errors=True,
    )

    database_url: SecretStr | None = Field(default=None)
    """A Postgres to use as it is; when given, nothing is started."""

    data: Path | None = Field(default=None)
    """The folder for the private cluster, instead of the user's own data folder."""

    pg_bin: Path | None = Field(default=None)
    """A folder with ``postgres`` and ``initdb`` to run the private cluster with."""

    checkpoints: Path | None = Field(default=None)
    """The folder for checkpoints, instead of one in the data folder."""

    checkpoint_key: Path | None = Field(default=None)
    """The file of the key that signs checkpoints, instead of one in the data folder."""

    @field_validator("database_url")
    @classmethod
    def _is_postgres(cls, url: SecretStr | None) -> SecretStr | None:
        """Refuse what is no Postgres URL, without repeating a URL that may hold a password."""
        scheme = urlsplit(url.get_secret_value()).scheme if url is not None else "postgresql"
        if scheme not in {"postgresql", "postgres"}:
            raise ValueError("must begin with postgresql://")
        return url

    @field_validator("data", "pg_bin", "checkpoints", "checkpoint_key")
    @classmethod
    def _is_absolute(cls, path: Path | None) -> Path | None:
        """Expand ``~`` and resolve against the current folder now, before anybody changes it."""
        return None if path is None else path.expanduser().absolute()

    @field_validator("pg_bin")
    @classmethod
    def _has_binaries(cls, path: Path | None) -> Path | None:
        """Refuse a folder without the two programs that a private cluster needs."""
        for program in ("postgres", "initdb"):
            if path is not None and not (path / program).is_file():
                raise ValueError(f"{path} has no {program}")
        return path

    @classmethod
    def read(cls) -> Self:
        """The settings of this process's environment.

        Raises SettingsError, one line that names the variable, in place of pydantic's own.
        """
        try:
            return cls()
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            name = f"CLEARING_{str(first['loc'][0]).upper()}"
            reason = str(first["msg"]).removeprefix("Value error, ")
            raise SettingsError(f"{name}: {reason}") from None
