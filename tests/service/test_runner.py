"""The runner, in this process: how each kind of ending leaves the search."""

from __future__ import annotations

import os
import signal
import threading

import pytest
from sqlalchemy import select, update

from nas.controllers.random import Random
from nas.store import Desired, Draft, Told
from nas.trial import Outcome, Proposal
from searchspaces.toy import Toy
from service import models, searches, vitals
from service.processes import EXIT_BUSY, StopNow, file_lock
from service.runner import EXIT_CRASH, EXIT_DONE, EXIT_FAILED, Runner
from service.states import ModelState, SearchState
from service.store import SqlStore
from service.tables import search, trial_attempt
from tests.service.living import until
from tests.service.making import digits_spec, finished, run, stopping, toy_spec


def test_a_search_runs_to_its_end_and_its_runner_is_forgotten(database, settings):
    search_id = finished(database, trials=4)
    assert searches.view(database, search_id).counts.done == 4
    assert vitals.health(database, settings).runners == []


def test_an_ended_search_is_not_run_again(database):
    search_id = finished(database, trials=2)
    before = searches.view(database, search_id)
    assert run(database, search_id) == EXIT_DONE
    assert searches.view(database, search_id) == before


def test_a_search_stopped_and_resumed_is_the_same_search(database):
    whole = finished(database, trials=8)
    parts = searches.create(database, toy_spec(3))
    run(database, parts)
    for limit in (5, 8):
        searches.change_limits(database, parts, trials=limit)
        searches.request(database, parts, Desired.RUN)
        run(database, parts)
    decisions = [
        [t.decisions for t in searches.trials(database, one).items] for one in (whole, parts)
    ]
    assert decisions[0] == decisions[1]


def test_workers_are_changed_while_the_search_runs(database):
    search_id = searches.create(database, toy_spec(40, executor="local", seconds=0.2))
    searches.change_limits(database, search_id, workers=1)
    most = {1: 0, 3: 0}

    def watch(workers: int, until_done: int) -> None:
        def enough() -> bool:
            counts = searches.view(database, search_id).counts
            most[workers] = max(most[workers], counts.running)
            return counts.done >= until_done

        until(enough)

    def change() -> None:
        watch(1, 4)
        searches.change_limits(database, search_id, workers=3)
        watch(3, 40)

    thread = threading.Thread(target=change)
    thread.start()
    assert run(database, search_id) == EXIT_DONE
    thread.join()
    assert most == {1: 1, 3: 3}
    repeats = {""}  # are answered without a worker
    assert workers_seen(database, search_id) - repeats == {"local-0", "local-1", "local-2"}


def workers_seen(database, search_id: str) -> set[str]:
    with database.read() as connection:
        seen = select(trial_attempt.c.worker).where(trial_attempt.c.search_id == search_id)
        return set(connection.execute(seen).scalars())


def test_a_signal_leaves_the_search_to_the_next_runner(database):
    search_id = searches.create(database, toy_spec(4))
    with stopping() as stop:
        stop.ask()
        assert Runner(database, search_id, stop).run() == EXIT_DONE
    view = searches.view(database, search_id)
    assert (view.state, view.desired) == (SearchState.PENDING, Desired.RUN)
    assert run(database, search_id) == EXIT_DONE
    assert searches.view(database, search_id).counts.done == 4


def test_a_pause_is_seen_by_the_runner(database):
    search_id = searches.create(database, toy_spec(4))
    SqlStore(database, search_id, "an earlier runner").adopt()
    searches.request(database, search_id, Desired.PAUSE)
    assert run(database, search_id) == EXIT_DONE
    assert searches.view(database, search_id).state is SearchState.PAUSED


def test_a_search_whose_data_has_gone_fails_with_a_clear_reason(database, tmp_path):
    import numpy as np

    path = tmp_path / "images.npz"
    x = np.random.default_rng(0).integers(0, 255, (40, 8, 8), dtype=np.uint8)
    np.savez(path, x_train=x, y_train=np.arange(40) % 2)
    spec = digits_spec()
    data = spec.data.model_copy(
        update={"source": str(path), "train_images": "all", "test_images": None}
    )
    search_id = searches.create(database, spec.model_copy(update={"data": data}))
    path.unlink()
    assert run(database, search_id) == EXIT_FAILED
    view = searches.view(database, search_id)
    assert view.state is SearchState.FAILED
    assert str(path) in view.reason
    assert "Traceback" not in view.reason


def test_a_search_kept_by_another_version_fails_in_one_line(database):
    search_id = searches.create(database, toy_spec())
    with database.write() as connection:
        spec = searches.view(database, search_id).spec | {"seed": "seven"}
        connection.execute(update(search).where(search.c.id == search_id).values(spec=spec))
    assert run(database, search_id) == EXIT_FAILED
    reason = searches.view(database, search_id).reason
    assert "another version" in reason
    assert "seed" in reason
    assert "\n" not in reason


def test_a_trial_that_no_machine_can_run_fails_the_search_with_the_reason(database):
    spec = toy_spec(executor="local")
    execution = spec.execution.model_copy(update={"gpus_per_trial": 64.0})
    search_id = searches.create(database, spec.model_copy(update={"execution": execution}))
    assert run(database, search_id) == EXIT_FAILED
    view = searches.view(database, search_id)
    assert view.state is SearchState.FAILED
    assert "gpus_per_trial is 64" in view.reason


def test_a_cluster_that_does_not_answer_is_tried_again_later(database):
    spec = toy_spec(executor="ray")
    execution = spec.execution.model_copy(update={"ray_address": "127.0.0.1:1"})
    search_id = searches.create(database, spec.model_copy(update={"execution": execution}))
    assert run(database, search_id) == EXIT_CRASH
    view = searches.view(database, search_id)
    assert view.state is SearchState.PENDING
    assert "127.0.0.1:1" in view.reason


def test_a_runner_that_lost_its_search_ends_without_writing(database):
    search_id = searches.create(database, toy_spec(40, seconds=0.2))
    thief = SqlStore(database, search_id, "thief")

    def steal() -> None:
        until(lambda: searches.view(database, search_id).counts.done)
        thief.adopt()

    thread = threading.Thread(target=steal)
    thread.start()
    assert run(database, search_id) == EXIT_BUSY
    thread.join()
    assert thief.control().desired is Desired.RUN
    assert searches.view(database, search_id).counts.done < 40


def test_without_final_epochs_no_model_is_made(database):
    search_id = searches.create(database, digits_spec(2, final_epochs=0))
    assert run(database, search_id) == EXIT_DONE
    view = searches.view(database, search_id)
    assert (view.state, view.models) == (SearchState.FINISHED, [])


def with_a_finished_trial(database, **more) -> str:
    """Return a search that an earlier runner has left after its first trial."""
    search_id = searches.create(database, digits_spec(3, **more))
    store = SqlStore(database, search_id, "an earlier runner")
    store.adopt()
    store.start([Draft(Proposal((0, 1, 2, 3, 0, 1)), "k")], {})
    store.launch(0, 1)
    store.finish(0, 1, Outcome({"accuracy": 0.5}), 0.5, [Told(0)], Random(Toy(), 0).state_dict())
    return search_id


def test_a_stopped_search_keeps_its_best_as_a_model(database):
    search_id = with_a_finished_trial(database)
    searches.request(database, search_id, Desired.STOP)
    assert run(database, search_id) == EXIT_DONE
    view = searches.view(database, search_id)
    assert (view.state, view.counts.done, len(view.models)) == (SearchState.STOPPED, 1, 1)
    assert view.models[0].state is ModelState.DONE


def test_a_final_training_breaks_off_at_a_signal_and_is_made_by_the_next_runner(database):
    search_id = searches.create(database, digits_spec(1, final_epochs=10_000))
    with stopping() as stop:

        def interrupt() -> None:
            until(lambda: any(m.progress for m in searches.view(database, search_id).models))
            os.kill(os.getpid(), signal.SIGTERM)

        thread = threading.Thread(target=interrupt)
        thread.start()
        assert Runner(database, search_id, stop).run() == EXIT_DONE
        thread.join()
    view = searches.view(database, search_id)
    assert (view.state, view.models[0].state) == (SearchState.PENDING, ModelState.RUNNING)
    models.change(database, view.models[0].id, epochs=1)
    # The next runner asks for the model of the spec's own epochs; let them be one.
    shorten(database, search_id)
    assert run(database, search_id) == EXIT_DONE
    view = searches.view(database, search_id)
    assert (view.state, view.models[0].state) == (SearchState.FINISHED, ModelState.DONE)
    assert len(view.models) == 1


def shorten(database, search_id: str) -> None:
    spec = digits_spec(1, final_epochs=1).model_dump(mode="json")
    with database.write() as connection:
        connection.execute(update(search).where(search.c.id == search_id).values(spec=spec))


def test_stop_during_the_final_training_ends_it(database):
    search_id = searches.create(database, digits_spec(1, final_epochs=10_000))

    def ask() -> None:
        until(lambda: any(m.progress for m in searches.view(database, search_id).models))
        searches.request(database, search_id, Desired.STOP)

    thread = threading.Thread(target=ask)
    thread.start()
    assert run(database, search_id) == EXIT_DONE
    thread.join()
    view = searches.view(database, search_id)
    assert (view.state, view.reason) == (SearchState.FINISHED, "the final training was stopped")
    assert view.models[0].state is ModelState.FAILED


def test_a_model_that_another_process_makes_is_waited_for(database, settings):
    search_id = with_a_finished_trial(database)
    searches.change_limits(database, search_id, trials=1)
    model_id = models.request(database, search_id)
    held = threading.Event()

    def make_elsewhere() -> None:
        with file_lock(settings.folder("locks") / f"model-{model_id}.lock"):
            held.set()
            until(lambda: searches.view(database, search_id).state is SearchState.FINISHING)
            models.change(database, model_id, state=ModelState.DONE, metrics={"test_accuracy": 0.5})

    thread = threading.Thread(target=make_elsewhere)
    thread.start()
    held.wait(10)
    assert run(database, search_id) == EXIT_DONE
    thread.join()
    view = searches.view(database, search_id)
    assert view.state is SearchState.FINISHED
    assert view.models[0].metrics == {"test_accuracy": 0.5}


def test_a_signal_raises_only_inside_the_block_that_asks_for_it():
    with stopping() as stop:
        with pytest.raises(StopNow), stop.at_once():
            os.kill(os.getpid(), signal.SIGTERM)
            stop.wait(5)
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.asked()
