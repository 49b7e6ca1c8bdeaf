"""Users, sessions, refresh tokens, login lookup and outbox.

Revision ID: 0001
Revises:
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from shared.runtime.migrations import create_outbox, protect

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "auth"
MOMENT = TIMESTAMP(timezone=True)


def upgrade() -> None:
    _create_users()
    _create_sessions()
    _create_login_lookup()
    for table in ("users", "sessions", "refresh_tokens"):
        protect(op, SCHEMA, table)
    create_outbox(op, SCHEMA)


def downgrade() -> None:
    raise NotImplementedError("migrations go forward only")


def _create_users() -> None:
    op.create_table(
        "users",
        sa.Column("user_id", PG_UUID(as_uuid=True), nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False, server_default="1"),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("risk_accepted_at", MOMENT),
        sa.PrimaryKeyConstraint("user_id", name="pk_users"),
        sa.CheckConstraint("role in ('user', 'admin')", name="ck_users_role"),
        schema=SCHEMA,
    )


def _create_sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("user_id", PG_UUID(as_uuid=True), nullable=False),
        sa.Column("session_id", PG_UUID(as_uuid=True), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("revoked_at", MOMENT),
        sa.Column("revoked_why", sa.Text),
        sa.PrimaryKeyConstraint("user_id", "session_id", name="pk_sessions"),
        sa.ForeignKeyConstraint(
            ["user_id"], [f"{SCHEMA}.users.user_id"], name="fk_sessions_user_id_users", ondelete="CASCADE"
        ),
        schema=SCHEMA,
    )
    op.create_table(
        "refresh_tokens",
        sa.Column("user_id", PG_UUID(as_uuid=True), nullable=False),
        sa.Column("token_hash", sa.LargeBinary, nullable=False),
        sa.Column("session_id", PG_UUID(as_uuid=True), nullable=False),
        sa.Column("issued_at", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT),
        sa.Column("successor_hash", sa.LargeBinary),
        sa.PrimaryKeyConstraint("user_id", "token_hash", name="pk_refresh_tokens"),
        sa.ForeignKeyConstraint(
            ["user_id", "session_id"],
            [f"{SCHEMA}.sessions.user_id", f"{SCHEMA}.sessions.session_id"],
            name="fk_refresh_tokens_session",
            ondelete="CASCADE",
        ),
        schema=SCHEMA,
    )
    op.create_index("ix_refresh_tokens_session", "refresh_tokens", ["user_id", "session_id"], schema=SCHEMA)


def _create_login_lookup() -> None:
    # No row-level security: somebody who signs in is not known yet. It holds hashes and ids only.
    op.create_table(
        "login_lookup",
        sa.Column("email_hash", sa.LargeBinary, nullable=False),
        sa.Column("user_id", PG_UUID(as_uuid=True)),
        sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
        sa.Column("failed_at", MOMENT),
        sa.PrimaryKeyConstraint("email_hash", name="pk_login_lookup"),
        schema=SCHEMA,
        comment="keyed hash of an address to a user id; without a user it only counts attempts, and is cleared daily",
    )
    op.create_index(
        "ix_login_lookup_nobody",
        "login_lookup",
        ["failed_at"],
        schema=SCHEMA,
        postgresql_where=sa.text("user_id is null"),
    )
