"""Migrations: the schema is the tables' own, an older one is copied first, a newer one refused."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, insert

from service import migrate, searches
from service.db import Database
from service.errors import UserError
from service.idempotency import Key
from service.settings import Settings
from service.tables import metadata, model
from tests.service.making import MODEL_ROW, finished, toy_spec


def test_the_migrations_make_exactly_the_tables_of_the_code(database):
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == migrate.known_revisions()[-1]


def test_names_of_constraints_and_indices_are_those_of_the_code(database):
    made = create_engine("sqlite://")
    metadata.create_all(made)
    query = "SELECT name FROM sqlite_master WHERE name NOT LIKE '%alembic%' ORDER BY name"
    with made.connect() as expected, database.read() as got:
        assert got.exec_driver_sql(query).all() == expected.exec_driver_sql(query).all()
    made.dispose()


def test_a_second_opening_changes_nothing(settings):
    with Database.open(settings) as database:
        search_id = searches.create(database, toy_spec())
    with Database.open(settings) as database:
        assert searches.view(database, search_id).id == search_id
    assert not list((settings.home / "backups").iterdir())


def test_a_newer_database_is_refused_in_one_line_and_left_alone(settings):
    Database.open(settings).close()
    with sqlite3.connect(settings.database_path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    before = settings.database_path.read_bytes()
    with pytest.raises(UserError, match="newer version") as caught:
        Database.open(settings)
    assert "\n" not in str(caught.value)
    assert settings.database_path.read_bytes() == before


def test_an_older_database_is_copied_before_it_is_changed(settings, tmp_path, monkeypatch):
    with Database.open(settings) as database:
        search_id = searches.create(database, toy_spec())
    folder = tmp_path / "migrations"
    shutil.copytree(migrate.FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    newest = migrate.known_revisions()[-1]
    following = f"{int(newest) + 1:04}"
    (folder / "versions" / f"{following}_more.py").write_text(
        "from alembic import op\nimport sqlalchemy as sa\n"
        f"revision, down_revision = '{following}', '{newest}'\nbranch_labels = depends_on = None\n"
        "def upgrade():\n"
        "    with op.batch_alter_table('search') as batch:\n"
        "        batch.add_column(sa.Column('extra', sa.Text()))\n"
    )
    monkeypatch.setattr(migrate, "FOLDER", folder)
    with Database.open(settings) as database:
        assert searches.view(database, search_id).id == search_id
        with database.read() as connection:
            assert connection.exec_driver_sql("SELECT extra FROM search").scalar() is None
    (copy,) = (settings.home / "backups").iterdir()
    with sqlite3.connect(copy) as connection:
        assert connection.execute("SELECT id FROM search").fetchone() == (search_id,)
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == (newest,)
    connection.close()


def test_a_migration_that_fails_leaves_the_old_schema(settings, tmp_path, monkeypatch):
    Database.open(settings).close()
    folder = tmp_path / "migrations"
    shutil.copytree(migrate.FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    newest = migrate.known_revisions()[-1]
    following = f"{int(newest) + 1:04}"
    (folder / "versions" / f"{following}_bad.py").write_text(
        "from alembic import op\nimport sqlalchemy as sa\n"
        f"revision, down_revision = '{following}', '{newest}'\nbranch_labels = depends_on = None\n"
        "def upgrade():\n"
        "    op.create_table('half', sa.Column('id', sa.Text(), primary_key=True))\n"
        "    raise RuntimeError('in the middle')\n"
    )
    with monkeypatch.context() as patched:
        patched.setattr(migrate, "FOLDER", folder)
        with pytest.raises(RuntimeError, match="in the middle"):
            Database.open(settings)
    with Database.open(settings) as database, database.read() as connection:
        found = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE name = 'half'")
        assert found.first() is None


def test_keys_of_an_older_database_are_those_of_the_first_token(database):
    first = searches.create(database, toy_spec(), Key("of the first"))
    searches.create(database, toy_spec(), Key("of the first", "0a1b2c3d"))
    other = searches.create(database, toy_spec(), Key("of another", "0a1b2c3d"))
    moved(database, "downgrade", "0011")
    moved(database, "upgrade", "head")
    assert searches.create(database, toy_spec(), Key("of the first")) == first
    assert searches.create(database, toy_spec(), Key("of another")) == other


def moved(database: Database, way: str, target: str) -> None:
    """Bring the schema of a database up or down, in one transaction as the service does."""
    config = Config()
    config.set_main_option("script_location", str(migrate.FOLDER))
    with database.write() as connection:
        config.attributes["connection"] = connection
        getattr(command, way)(config, target)


@pytest.mark.parametrize("revision", migrate.known_revisions()[:-1])
def test_a_filled_database_keeps_its_trials_down_to_each_revision_and_up_again(database, revision):
    search_id = finished(database, trials=3)
    with database.write() as connection:
        connection.execute(insert(model).values(**MODEL_ROW, search_id=search_id, trial=1))
    kept = ("search", "snapshot", "trial", "trial_attempt", "report", "model", "event")

    def counted() -> dict[str, int]:
        with database.read() as connection:
            return {
                name: connection.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar_one()
                for name in kept
            }

    before = counted()
    assert all(before.values())
    moved(database, "downgrade", revision)
    assert counted() == before
    moved(database, "upgrade", "head")
    assert counted() == before
    assert [one.state for one in searches.trials(database, search_id).items] == ["done"] * 3
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_processes_that_start_together_migrate_once(tmp_path):
    code = (
        "from service.db import Database; from service.settings import Settings\n"
        f"Database.open(Settings.load(home={str(tmp_path / 'home')!r})).close()"
    )
    children = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(4)]
    assert [child.wait(60) for child in children] == [0, 0, 0, 0]
    with Database.open(Settings.load(home=tmp_path / "home")) as database:
        searches.create(database, toy_spec())
