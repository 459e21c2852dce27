"""When a search was thrown away."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; no search that is there has been thrown away."""
    with op.batch_alter_table("search") as batch:
        batch.add_column(sa.Column("deleted_at", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    """Remove the column: what was thrown away is seen again."""
    # Not in a batch: that makes the table anew, and what hangs on the rows of the old one goes too.
    op.drop_column("search", "deleted_at")
