"""Of which token a key is that makes a repeat harmless."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None
INDEX = "ix_idempotency_expires_at"
KEPT = "request_hash, resource, expires_at"


def upgrade() -> None:
    """Make the table anew: the keys that are there become those of the token of the first start."""
    _make(sa.Column("token", sa.Text(), nullable=False))
    op.execute(
        f"INSERT INTO idempotency (token, key, {KEPT}) SELECT '', key, {KEPT} FROM idempotency_old"
    )
    op.drop_table("idempotency_old")


def downgrade() -> None:
    """Make the table anew: of equal keys of several tokens, that of the first start stays."""
    _make()
    op.execute(
        f"INSERT OR IGNORE INTO idempotency (key, {KEPT}) "
        f"SELECT key, {KEPT} FROM idempotency_old ORDER BY token"
    )
    op.drop_table("idempotency_old")


def _make(*more: sa.Column[str]) -> None:
    op.drop_index(INDEX, "idempotency")
    op.rename_table("idempotency", "idempotency_old")
    op.create_table(
        "idempotency",
        *more,
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.Text(), nullable=False),
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(*(one.name for one in more), "key", name="pk_idempotency"),
    )
    op.create_index(INDEX, "idempotency", ["expires_at"])
