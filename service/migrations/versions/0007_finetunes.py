"""Fine-tuning as a job; its models are of no search."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, and let a model be without a trial."""
    op.create_table(
        "finetune",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("wish", sa.JSON(), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("model_id", sa.Text(), nullable=True),
        sa.Column("progress", sa.JSON(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("owner_epoch", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_finetune"),
    )
    op.create_index("ix_finetune_created_at_id", "finetune", ["created_at", "id"])
    op.create_index("ix_finetune_state_created_at", "finetune", ["state", "created_at"])
    with op.batch_alter_table("model") as batch:
        batch.alter_column("search_id", existing_type=sa.Text(), nullable=True)
        batch.alter_column("trial", existing_type=sa.Integer(), nullable=True)


def downgrade() -> None:
    """Remove what was made, the models too that are of no trial."""
    op.execute("DELETE FROM model WHERE search_id IS NULL")
    with op.batch_alter_table("model") as batch:
        batch.alter_column("trial", existing_type=sa.Integer(), nullable=False)
        batch.alter_column("search_id", existing_type=sa.Text(), nullable=False)
    op.drop_table("finetune")
