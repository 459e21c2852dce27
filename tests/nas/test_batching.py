"""Requests that arrive together are one batch; a lone one waits for nobody."""

from __future__ import annotations

import threading

import pytest

from nas.batching import Batcher, Busy

SECONDS = 20


class Held:
    """Doubles numbers, in batches that can be held up; remembers the batches."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.begun, self.go = threading.Semaphore(0), threading.Semaphore(0)

    def __call__(self, items):
        self.batches.append(list(items))
        self.begun.release()
        assert self.go.acquire(timeout=SECONDS)
        if 13 in items:
            raise ValueError("unlucky")
        return [2 * item for item in items]


@pytest.fixture
def held():
    return Held()


@pytest.fixture
def batcher(held):
    made = Batcher(held, lambda item: 1 if item < 100 else item, most=4, waiting=6)
    yield made
    held.go.release(50)
    made.close()


def test_a_lone_request_is_computed_at_once(batcher, held):
    held.go.release()
    assert batcher.submit(7).result(SECONDS) == 14
    assert held.batches == [[7]]


def test_what_arrives_while_a_batch_is_computed_is_the_next_batch_up_to_its_limit(batcher, held):
    futures = [batcher.submit(0)]
    assert held.begun.acquire(timeout=SECONDS)
    futures += [batcher.submit(item) for item in range(1, 7)]
    held.go.release(3)
    assert [future.result(SECONDS) for future in futures] == [0, 2, 4, 6, 8, 10, 12]
    assert held.batches == [[0], [1, 2, 3, 4], [5, 6]]


def test_an_item_larger_than_a_batch_is_a_batch_alone(batcher, held):
    held.go.release(2)
    assert batcher.submit(100).result(SECONDS) == 200
    assert batcher.submit(1).result(SECONDS) == 2


def test_more_than_may_wait_is_refused_and_the_others_are_answered(batcher, held):
    first = batcher.submit(0)
    assert held.begun.acquire(timeout=SECONDS)
    waiting = [batcher.submit(item) for item in range(1, 7)]
    with pytest.raises(Busy, match="6 are waiting, at most 6 may"):
        batcher.submit(7)
    held.go.release(3)
    assert [future.result(SECONDS) for future in [first, *waiting]] == [0, 2, 4, 6, 8, 10, 12]


def test_an_error_is_the_answer_of_its_batch_and_the_next_is_computed(batcher, held):
    held.go.release(2)
    with pytest.raises(ValueError, match="unlucky"):
        batcher.submit(13).result(SECONDS)
    assert batcher.submit(1).result(SECONDS) == 2


def test_a_request_that_was_given_up_is_not_computed(batcher, held):
    first = batcher.submit(0)
    assert held.begun.acquire(timeout=SECONDS)
    gone, kept = batcher.submit(1), batcher.submit(2)
    assert gone.cancel()
    held.go.release(2)
    assert (first.result(SECONDS), kept.result(SECONDS)) == (0, 4)
    assert held.batches == [[0], [2]]


def test_closing_answers_what_waits_and_refuses_what_comes(batcher, held):
    first = batcher.submit(0)
    assert held.begun.acquire(timeout=SECONDS)
    waiting = batcher.submit(1)
    batcher.close()
    held.go.release()
    assert first.result(SECONDS) == 0
    for late in (waiting.result, lambda _: batcher.submit(2)):
        with pytest.raises(Busy):
            late(SECONDS)
