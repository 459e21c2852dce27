"""The export formats that are asked for of a model, beside the usual ones."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; models that are there have the usual formats."""
    with op.batch_alter_table("model") as batch:
        batch.add_column(sa.Column("formats", sa.JSON(), nullable=False, server_default="[]"))


def downgrade() -> None:
    """Remove the column."""
    with op.batch_alter_table("model") as batch:
        batch.drop_column("formats")
