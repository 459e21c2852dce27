"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make all tables."""
    _event()
    _idempotency()
    _process()
    _search()
    _snapshot()
    _trial()
    _model()
    _report()
    _trial_attempt()


def downgrade() -> None:
    """Remove all tables."""
    for table in (
        "trial_attempt",
        "report",
        "model",
        "trial",
        "snapshot",
        "search",
        "process",
        "idempotency",
        "event",
    ):
        op.drop_table(table)


def _event() -> None:
    op.create_table(
        "event",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("search_id", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("trial", sa.Integer(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_event"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_event_search_id_seq", "event", ["search_id", "seq"], unique=False)


def _idempotency() -> None:
    op.create_table(
        "idempotency",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.Text(), nullable=False),
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_idempotency"),
    )
    op.create_index("ix_idempotency_expires_at", "idempotency", ["expires_at"], unique=False)


def _process() -> None:
    op.create_table(
        "process",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("heartbeat_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_process"),
    )


def _search() -> None:
    op.create_table(
        "search",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("spec_hash", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("desired", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("trials_limit", sa.Integer(), nullable=False),
        sa.Column("hours_limit", sa.Float(), nullable=True),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("owner_epoch", sa.Integer(), nullable=False),
        sa.Column("heartbeat_at", sa.BigInteger(), nullable=True),
        sa.Column("seconds_running", sa.Float(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_search"),
    )
    op.create_index("ix_search_created_at_id", "search", ["created_at", "id"], unique=False)
    op.create_index("ix_search_state", "search", ["state"], unique=False)


def _snapshot() -> None:
    op.create_table(
        "snapshot",
        sa.Column("search_id", sa.Text(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["search_id"], ["search.id"], name="fk_snapshot_search", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("search_id", name="pk_snapshot"),
    )


def _trial() -> None:
    op.create_table(
        "trial",
        sa.Column("search_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("decisions", sa.JSON(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("budget", sa.Integer(), nullable=True),
        sa.Column("note", sa.JSON(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.Column("reward", sa.Float(), nullable=True),
        sa.Column("failure_kind", sa.Text(), nullable=True),
        sa.Column("failure_message", sa.Text(), nullable=True),
        sa.Column("failure_trace", sa.Text(), nullable=True),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.Column("cached_from", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["search_id"], ["search.id"], name="fk_trial_search", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("search_id", "number", name="pk_trial"),
    )
    op.create_index(
        "ix_trial_search_id_reward_number", "trial", ["search_id", "reward", "number"], unique=False
    )
    op.create_index(
        "ix_trial_search_id_state_number", "trial", ["search_id", "state", "number"], unique=False
    )


def _model() -> None:
    op.create_table(
        "model",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("search_id", sa.Text(), nullable=False),
        sa.Column("trial", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("epochs", sa.Integer(), nullable=False),
        sa.Column("progress", sa.JSON(), nullable=False),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["search_id", "trial"],
            ["trial.search_id", "trial.number"],
            name="fk_model_trial",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_model"),
    )
    op.create_index(
        "ix_model_search_id_created_at", "model", ["search_id", "created_at"], unique=False
    )
    op.create_index("ix_model_state_created_at", "model", ["state", "created_at"], unique=False)


def _report() -> None:
    op.create_table(
        "report",
        sa.Column("search_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["search_id", "number"],
            ["trial.search_id", "trial.number"],
            name="fk_report_trial",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("search_id", "number", "attempt", "step", name="pk_report"),
    )


def _trial_attempt() -> None:
    op.create_table(
        "trial_attempt",
        sa.Column("search_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("owner_epoch", sa.Integer(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["search_id", "number"],
            ["trial.search_id", "trial.number"],
            name="fk_trial_attempt_trial",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("search_id", "number", "attempt", name="pk_trial_attempt"),
    )
