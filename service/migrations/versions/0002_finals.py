"""The results of finals: a test accuracy for each finalist, number of epochs and seed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "final",
        sa.Column("search_id", sa.Text(), nullable=False),
        sa.Column("trial", sa.Integer(), nullable=False),
        sa.Column("epochs", sa.Integer(), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["search_id", "trial"],
            ["trial.search_id", "trial.number"],
            name="fk_final_trial",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("search_id", "trial", "epochs", "seed", name="pk_final"),
    )


def downgrade() -> None:
    """Remove the table."""
    op.drop_table("final")
