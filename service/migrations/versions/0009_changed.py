"""When a trial has changed, as the number of an event: what a page asks for that knows the rest."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None
INDEX = "ix_trial_search_id_changed"


def upgrade() -> None:
    """Add the column with its index; the trials that are there have changed before all events."""
    with op.batch_alter_table("trial") as batch:
        batch.add_column(sa.Column("changed", sa.Integer(), nullable=False, server_default="0"))
    op.create_index(INDEX, "trial", ["search_id", "changed"])


def downgrade() -> None:
    """Remove the column."""
    op.drop_index(INDEX, "trial")
    # Not in a batch: that makes the table anew, and what hangs on the rows of the old one goes too.
    op.drop_column("trial", "changed")
