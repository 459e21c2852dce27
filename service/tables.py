"""The tables. Times are UTC in microseconds since 1970; JSON columns hold plain JSON data."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)

search = Table(
    "search",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("spec", JSON, nullable=False),
    Column("spec_hash", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("desired", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("trials_limit", Integer, nullable=False),
    Column("hours_limit", Float),
    Column("workers_limit", Integer),  # trials at once; null: as the description says
    # The fence: a runner that adopts the search raises the epoch, and older writers are refused.
    Column("owner", Text),
    Column("owner_epoch", Integer, nullable=False),
    Column("heartbeat_at", BigInteger),
    Column("seconds_running", Float, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("deleted_at", BigInteger),  # thrown away; nobody sees it, and later it is erased
    Index("ix_search_created_at_id", "created_at", "id"),
    Index("ix_search_state", "state"),
)

# Apart from the search: a policy network is megabytes, and a heartbeat must not rewrite them.
snapshot = Table(
    "snapshot",
    metadata,
    Column("search_id", Text, primary_key=True),
    Column("data", LargeBinary, nullable=False),  # zlib of JSON
    ForeignKeyConstraint(["search_id"], ["search.id"], ondelete="CASCADE"),
)

trial = Table(
    "trial",
    metadata,
    Column("search_id", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("decisions", JSON, nullable=False),
    Column("key", Text, nullable=False),
    Column("budget", Integer),
    Column("note", JSON, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("metrics", JSON, nullable=False),
    Column("reward", Float),
    Column("failure_kind", Text),
    Column("failure_message", Text),
    Column("failure_trace", Text),
    Column("told", Boolean, nullable=False),
    Column("figures", JSON, nullable=False),
    Column("cached_from", Integer),
    Column("created_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("finished_at", BigInteger),
    # The seq of the event that tells of the last change; of a change that none tells of, the next.
    Column("changed", Integer, nullable=False, server_default="0"),
    PrimaryKeyConstraint("search_id", "number"),
    ForeignKeyConstraint(["search_id"], ["search.id"], ondelete="CASCADE"),
    Index("ix_trial_search_id_state_number", "search_id", "state", "number"),
    Index("ix_trial_search_id_changed", "search_id", "changed"),
    Index("ix_trial_search_id_reward_number", "search_id", "reward", "number"),
)

trial_attempt = Table(
    "trial_attempt",
    metadata,
    Column("search_id", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("owner_epoch", Integer, nullable=False),
    Column("worker", Text, nullable=False),
    Column("outcome", Text, nullable=False),  # running, done, stopped, or the kind of failure
    Column("message", Text, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    PrimaryKeyConstraint("search_id", "number", "attempt"),
    ForeignKeyConstraint(
        ["search_id", "number"], ["trial.search_id", "trial.number"], ondelete="CASCADE"
    ),
)

report = Table(
    "report",
    metadata,
    Column("search_id", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("step", Integer, nullable=False),
    Column("metrics", JSON, nullable=False),
    Column("at", BigInteger, nullable=False),
    PrimaryKeyConstraint("search_id", "number", "attempt", "step"),
    ForeignKeyConstraint(
        ["search_id", "number"], ["trial.search_id", "trial.number"], ondelete="CASCADE"
    ),
)

# Without gaps: SQLite gives the number inside the one write transaction and takes it back with it.
event = Table(
    "event",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("search_id", Text),
    Column("kind", Text, nullable=False),
    Column("trial", Integer),
    Column("at", BigInteger, nullable=False),
    Column("payload", JSON, nullable=False),
    Index("ix_event_search_id_seq", "search_id", "seq"),
    sqlite_autoincrement=True,
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("token", Text, nullable=False),  # the id of who asked; "": the token of the first start
    Column("key", Text, nullable=False),
    Column("request_hash", Text, nullable=False),
    Column("resource", Text, nullable=False),  # the id of what the first request made
    Column("expires_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("token", "key"),
    Index("ix_idempotency_expires_at", "expires_at"),
)

model = Table(
    "model",
    metadata,
    Column("id", Text, primary_key=True),
    Column("search_id", Text),  # none: it was fine-tuned
    Column("trial", Integer),
    Column("state", Text, nullable=False),
    Column("epochs", Integer, nullable=False),
    Column("progress", JSON, nullable=False),
    Column("metrics", JSON, nullable=False),
    Column("error", Text, nullable=False),
    Column("folder", Text, nullable=False),  # below HOME
    Column("files", JSON, nullable=False),
    Column("formats", JSON, nullable=False, server_default="[]"),  # asked for beside the usual ones
    Column("created_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("ended_at", BigInteger),
    ForeignKeyConstraint(
        ["search_id", "trial"], ["trial.search_id", "trial.number"], ondelete="CASCADE"
    ),
    Index("ix_model_search_id_created_at", "search_id", "created_at"),
    Index("ix_model_state_created_at", "state", "created_at"),
)

# An asking for finals: ``trials`` are the finalists, chosen when it was asked for.
final_round = Table(
    "final_round",
    metadata,
    Column("id", Text, primary_key=True),
    Column("search_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("trials", JSON, nullable=False),
    Column("seeds", Integer, nullable=False),
    Column("epochs", Integer, nullable=False),
    Column("progress", JSON, nullable=False),  # of the training that runs now
    Column("error", Text, nullable=False),
    # The fence, as that of a search: a process that takes the round over raises the epoch.
    Column("owner", Text),
    Column("owner_epoch", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("ended_at", BigInteger),
    ForeignKeyConstraint(["search_id"], ["search.id"], ondelete="CASCADE"),
    Index("ix_final_round_search_id_created_at", "search_id", "created_at"),
    Index("ix_final_round_state_created_at", "state", "created_at"),
)

# One training of a finalist from scratch: ``seed`` counts from 0 for each trial. One that failed
# has no metrics.
final = Table(
    "final",
    metadata,
    Column("search_id", Text, nullable=False),
    Column("trial", Integer, nullable=False),
    Column("epochs", Integer, nullable=False),
    Column("seed", Integer, nullable=False),
    Column("metrics", JSON, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("failure_kind", Text),
    Column("failure_message", Text),
    PrimaryKeyConstraint("search_id", "trial", "epochs", "seed"),
    ForeignKeyConstraint(
        ["search_id", "trial"], ["trial.search_id", "trial.number"], ondelete="CASCADE"
    ),
)

# An asking to compare: ``networks`` are names and kinds, chosen when it was asked for.
comparison = Table(
    "comparison",
    metadata,
    Column("id", Text, primary_key=True),
    Column("search_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("networks", JSON, nullable=False),
    Column("seeds", Integer, nullable=False),
    Column("epochs", Integer),  # of each training, or
    Column("seconds", Float),  # for each training
    Column("latencies", JSON, nullable=False),  # by network; measured together, at the end
    Column("progress", JSON, nullable=False),  # of the training that runs now
    Column("error", Text, nullable=False),
    Column("owner", Text),
    Column("owner_epoch", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("ended_at", BigInteger),
    ForeignKeyConstraint(["search_id"], ["search.id"], ondelete="CASCADE"),
    Index("ix_comparison_search_id_created_at", "search_id", "created_at"),
    Index("ix_comparison_state_created_at", "state", "created_at"),
)

# One training of a network that is compared: ``budget`` is "20 epochs" or "30 seconds".
comparison_training = Table(
    "comparison_training",
    metadata,
    Column("search_id", Text, nullable=False),
    Column("network", Text, nullable=False),
    Column("budget", Text, nullable=False),
    Column("seed", Integer, nullable=False),
    Column("metrics", JSON, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("failure_kind", Text),
    Column("failure_message", Text),
    PrimaryKeyConstraint("search_id", "network", "budget", "seed"),
    ForeignKeyConstraint(["search_id"], ["search.id"], ondelete="CASCADE"),
)

# An asking to fine-tune. ``wish`` is what was asked for, ``plan`` what was advised and settled.
finetune = Table(
    "finetune",
    metadata,
    Column("id", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("wish", JSON, nullable=False),
    Column("plan", JSON, nullable=False),
    Column("model_id", Text),  # the result
    Column("progress", JSON, nullable=False),
    Column("error", Text, nullable=False),
    Column("owner", Text),
    Column("owner_epoch", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("ended_at", BigInteger),
    Index("ix_finetune_created_at_id", "created_at", "id"),
    Index("ix_finetune_state_created_at", "state", "created_at"),
)

# An audit of a cheap score. ``subject`` is a hash of what is trained, how, on which images: the
# searches that train the same are those it speaks of.
audit = Table(
    "audit",
    metadata,
    Column("id", Text, primary_key=True),
    Column("subject", Text, nullable=False),
    Column("spec", JSON, nullable=False),
    Column("short_epochs", Integer, nullable=False),
    Column("long_epochs", Integer, nullable=False),
    Column("rows", JSON, nullable=False),  # decisions, cost, accuracies short and long
    Column("tau", Float),
    Column("low", Float, nullable=False),
    Column("high", Float, nullable=False),
    Column("noise", Float),
    Column("spread", Float, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_audit_subject_created_at", "subject", "created_at"),
)

# Tokens beside the one of the first start; the token itself is nowhere.
api_token = Table(
    "api_token",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("digest", Text, nullable=False),  # SHA-256 in hexadecimal
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
)

# Images with a name. ``path`` is a folder or a file of the server's disk; of an upload it is below
# HOME/datasets, while it is "pending" a file that is still growing.
dataset = Table(
    "dataset",
    metadata,
    Column("name", Text, primary_key=True),
    Column("kind", Text, nullable=False),  # folder, zip, npz, upload
    Column("path", Text, nullable=False),
    Column("state", Text, nullable=False),  # pending, ready
    Column("about", JSON, nullable=False),  # nas.data.inventory.Inventory
    Column("sha256", Text, nullable=False),  # of an upload
    Column("created_at", BigInteger, nullable=False),
)

process = Table(
    "process",
    metadata,
    Column("name", Text, primary_key=True),  # supervisor, ray, runner/SEARCH
    Column("pid", Integer, nullable=False),
    Column("detail", JSON, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("heartbeat_at", BigInteger, nullable=False),
)
