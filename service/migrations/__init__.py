"""The history of the schema, for Alembic; ``service/migrate.py`` runs it."""
