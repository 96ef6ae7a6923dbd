"""Many threads' questions answered as batches."""

import threading

import pytest

from bookops.group_work import Grouped
from tests.concurrency import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def test_many_threads_are_answered_in_few_batches():
    batches = []

    def double(numbers):
        batches.append(list(numbers))
        return [2 * number for number in numbers]

    grouped = Grouped(double, name="double", linger=0.05)
    counter = iter(range(100))
    lock = threading.Lock()

    def ask():
        with lock:
            number = next(counter)
        return number, grouped.ask(number)

    assert all(answer == 2 * number for number, answer in at_once(50, ask))
    assert len(batches) < 10


def test_a_poisonous_question_fails_alone():
    def inverse(numbers):
        return [1 / number for number in numbers]

    grouped = Grouped(inverse, name="inverse", linger=0.05)
    good, bad = grouped.submit(4), grouped.submit(0)
    assert good.result(5) == 0.25
    with pytest.raises(ZeroDivisionError):
        bad.result(5)


def test_too_few_answers_hang_nobody():
    grouped = Grouped(lambda numbers: [], name="silent")
    with pytest.raises(ValueError, match="0 answers to 1 questions"):
        grouped.submit(1).result(5)
    with pytest.raises(ValueError, match="0 answers"):
        grouped.submit(2).result(5)
