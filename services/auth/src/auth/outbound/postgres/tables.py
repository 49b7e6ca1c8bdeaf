"""Tables of schema `auth`."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from shared.runtime.database import NAMING
from shared.runtime.outbox import outbox_table

metadata = sa.MetaData(schema="auth", naming_convention=NAMING)
MOMENT = TIMESTAMP(timezone=True)

users = sa.Table(
    "users",
    metadata,
    sa.Column("user_id", PG_UUID(as_uuid=True), primary_key=True),
    sa.Column("email", sa.Text, nullable=False),
    sa.Column("password_hash", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("epoch", sa.Integer, nullable=False, server_default="1"),
    sa.Column("created_at", MOMENT, nullable=False),
    sa.Column("risk_accepted_at", MOMENT),
)

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("user_id", PG_UUID(as_uuid=True), sa.ForeignKey(users.c.user_id, ondelete="CASCADE"), primary_key=True),
    sa.Column("session_id", PG_UUID(as_uuid=True), primary_key=True),
    sa.Column("created_at", MOMENT, nullable=False),
    sa.Column("expires_at", MOMENT, nullable=False),
    sa.Column("revoked_at", MOMENT),
    sa.Column("revoked_why", sa.Text),
)

refresh_tokens = sa.Table(
    "refresh_tokens",
    metadata,
    sa.Column("user_id", PG_UUID(as_uuid=True), primary_key=True),
    sa.Column("token_hash", sa.LargeBinary, primary_key=True),
    sa.Column("session_id", PG_UUID(as_uuid=True), nullable=False),
    sa.Column("issued_at", MOMENT, nullable=False),
    sa.Column("used_at", MOMENT),
    sa.Column("successor_hash", sa.LargeBinary),
    sa.ForeignKeyConstraint(
        ["user_id", "session_id"],
        ["auth.sessions.user_id", "auth.sessions.session_id"],
        name="fk_refresh_tokens_session",
        ondelete="CASCADE",
    ),
    sa.Index("ix_refresh_tokens_session", "user_id", "session_id"),
)

login_lookup = sa.Table(
    "login_lookup",
    metadata,
    sa.Column("email_hash", sa.LargeBinary, primary_key=True),
    sa.Column("user_id", PG_UUID(as_uuid=True)),
    sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
    sa.Column("failed_at", MOMENT),
    sa.Index("ix_login_lookup_nobody", "failed_at", postgresql_where=sa.text("user_id is null")),
    comment="keyed hash of an address to a user id; without a user it only counts attempts, and is cleared daily",
)

outbox = outbox_table(metadata)
