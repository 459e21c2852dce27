"""Finals as jobs, with their failures, and the results of audits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables of rounds and audits; let a final have failed."""
    op.create_table(
        "final_round",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("search_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("trials", sa.JSON(), nullable=False),
        sa.Column("seeds", sa.Integer(), nullable=False),
        sa.Column("epochs", sa.Integer(), nullable=False),
        sa.Column("progress", sa.JSON(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("owner_epoch", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["search_id"], ["search.id"], name="fk_final_round_search", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_final_round"),
    )
    op.create_index(
        "ix_final_round_search_id_created_at", "final_round", ["search_id", "created_at"]
    )
    op.create_index("ix_final_round_state_created_at", "final_round", ["state", "created_at"])
    op.add_column("final", sa.Column("failure_kind", sa.Text(), nullable=True))
    op.add_column("final", sa.Column("failure_message", sa.Text(), nullable=True))
    op.create_table(
        "audit",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("short_epochs", sa.Integer(), nullable=False),
        sa.Column("long_epochs", sa.Integer(), nullable=False),
        sa.Column("rows", sa.JSON(), nullable=False),
        sa.Column("tau", sa.Float(), nullable=True),
        sa.Column("low", sa.Float(), nullable=False),
        sa.Column("high", sa.Float(), nullable=False),
        sa.Column("noise", sa.Float(), nullable=True),
        sa.Column("spread", sa.Float(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_subject_created_at", "audit", ["subject", "created_at"])


def downgrade() -> None:
    """Remove what was made."""
    op.drop_table("audit")
    with op.batch_alter_table("final") as batch:
        batch.drop_column("failure_message")
        batch.drop_column("failure_kind")
    op.drop_table("final_round")
