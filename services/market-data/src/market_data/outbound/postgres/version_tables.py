"""The tables of index versions and levels: the same twice, once for public facts and once with whose they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

SCHEMA = "market_data"
VERSION = ("environment", "index_id", "version")


@dataclass(frozen=True, slots=True)
class VersionTables:
    """Where versions and levels live in one database.

    Attributes:
        owned: Whether rows carry a user's id.
    """

    index_version: sa.Table
    constituent: sa.Table
    exclusion: sa.Table
    level_base: sa.Table
    level_point: sa.Table
    owned: bool


def version_tables(metadata: sa.MetaData, *, owned: bool) -> VersionTables:
    """Declare them.

    Args:
        metadata: Of the database's schema.
        owned: With a column `user_id` in each, for row-level security.
    """
    return VersionTables(
        index_version=_index_version(metadata, owned),
        constituent=_constituent(metadata, owned),
        exclusion=_exclusion(metadata, owned),
        level_base=_level_base(metadata, owned),
        level_point=_level_point(metadata, owned),
        owned=owned,
    )


def _key(owned: bool) -> tuple[sa.Column[Any], ...]:  # noqa: FBT001 - passed on from a keyword
    user = (sa.Column("user_id", PG_UUID(as_uuid=True), nullable=False),) if owned else ()
    return (
        *user,
        sa.Column("environment", sa.Text, primary_key=True),
        sa.Column("index_id", sa.Text, primary_key=True),
    )


def _version() -> sa.Column[int]:
    return sa.Column("version", sa.Integer, primary_key=True, autoincrement=False)


def _to_version(table: str) -> sa.ForeignKeyConstraint:
    columns = [f"{SCHEMA}.index_version.{column}" for column in VERSION]
    return sa.ForeignKeyConstraint(VERSION, columns, name=f"fk_{table}_version")


def _index_version(metadata: sa.MetaData, owned: bool) -> sa.Table:  # noqa: FBT001
    return sa.Table(
        "index_version",
        metadata,
        *_key(owned),
        _version(),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("weighting", sa.Text, nullable=False),
        sa.Column("weight_cap", sa.Numeric, nullable=False),
        sa.Column("recipe", sa.Text, nullable=False),
        sa.Column("as_of", TIMESTAMP(timezone=True), nullable=False),
        sa.Column("rules", JSONB, comment="in full; decimals as text"),
        sa.Column("reason", sa.Text, nullable=False, server_default="scheduled"),
    )


def _constituent(metadata: sa.MetaData, owned: bool) -> sa.Table:  # noqa: FBT001
    return sa.Table(
        "constituent",
        metadata,
        *_key(owned),
        _version(),
        sa.Column("symbol", sa.Text, primary_key=True),
        sa.Column("asset", sa.Text, nullable=False),
        sa.Column("source_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("market_cap", sa.Numeric, nullable=False),
        sa.Column("price", sa.Numeric, nullable=False),
        sa.Column("weight", sa.Numeric, nullable=False),
        sa.Column("rank", sa.Integer, nullable=False),
        sa.Column("volume", sa.Numeric),
        _to_version("constituent"),
    )


def _exclusion(metadata: sa.MetaData, owned: bool) -> sa.Table:  # noqa: FBT001
    return sa.Table(
        "exclusion",
        metadata,
        *_key(owned),
        _version(),
        sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("asset", sa.Text, nullable=False),
        sa.Column("source_id", sa.Text, nullable=False),
        sa.Column("rank", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        _to_version("exclusion"),
    )


def _level_base(metadata: sa.MetaData, owned: bool) -> sa.Table:  # noqa: FBT001
    return sa.Table(
        "level_base",
        metadata,
        *_key(owned),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("level", sa.Numeric, nullable=False),
        sa.Column("coins", JSONB, nullable=False, comment="symbol: weight, first price, last price; as text"),
    )


def _level_point(metadata: sa.MetaData, owned: bool) -> sa.Table:  # noqa: FBT001
    return sa.Table(
        "level_point",
        metadata,
        *_key(owned),
        sa.Column("at", TIMESTAMP(timezone=True), primary_key=True),
        sa.Column("level", sa.Numeric, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("stale", JSONB, nullable=False),
        sa.Column("pinned", sa.Boolean, nullable=False),
    )
