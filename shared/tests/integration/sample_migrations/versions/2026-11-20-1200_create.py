from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.engine import make_url

from shared.runtime.migrations import create_inbox, create_leases, create_outbox, protect

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    schema = str(make_url(context.config.attributes["dsn"]).username).removesuffix("_owner")
    create_outbox(op, schema)
    create_inbox(op, schema)
    create_leases(op, schema)
    for name in ("note", "audit"):
        op.create_table(
            name,
            sa.Column("id", sa.Uuid, nullable=False),
            sa.Column("user_id", sa.Uuid, nullable=False),
            sa.PrimaryKeyConstraint("id", name=f"pk_{name}"),
            schema=schema,
        )
    protect(op, schema, "note")
    protect(op, schema, "audit", append_only=True)


def downgrade() -> None:
    raise NotImplementedError
