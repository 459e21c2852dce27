"""How many trials of a search run at once, where that was changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; the searches that are there go by their descriptions."""
    with op.batch_alter_table("search") as batch:
        batch.add_column(sa.Column("workers_limit", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Remove the column: searches go by their descriptions again."""
    # Not in a batch: that makes the table anew, and what hangs on the rows of the old one goes too.
    op.drop_column("search", "workers_limit")
