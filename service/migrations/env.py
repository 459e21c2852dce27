"""What Alembic runs: the migrations, on the connection and in the transaction of the caller."""

from __future__ import annotations

from alembic import context

from service.tables import metadata


def migrate() -> None:
    """Run the migrations on the caller's connection."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        render_as_batch=True,
    )
    with context.begin_transaction():
        context.run_migrations()


migrate()
