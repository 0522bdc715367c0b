"""A person's word in a namespace: a ConfigMap of its own that needs no lease, is no part of a journal, and goes with it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from modelway.errors import InvalidInput
from modelway.rollout import engine, journal
from modelway.targets.kubernetes import names
from modelway.targets.kubernetes.cluster import Cluster
from modelway.targets.kubernetes.records import KEPT_JOURNALS, KubernetesRecords
from modelway.targets.kubernetes.refusals import ApiError
from modelway.targets.kubernetes.state import KubernetesState
from rollout.simulated import plan
from targets.kubernetes.api_server import ApiServer, ClusterInMemory

KEY = names.key("m", "production")
WORD = engine.Continued(5.0, 0.1, "a person", "the desk is quiet")


class LosingCluster(ClusterInMemory):
    """lost: answers to writes that never come, though the write is done."""

    lost = 0

    def call(self, method: str, *more: Any) -> bytes:
        answer = super().call(method, *more)
        if method == "POST" and self.lost:
            self.lost -= 1
            raise ApiError(503, "no answer", "", (), 0.0)
        return answer


@pytest.fixture
def cluster() -> LosingCluster:
    return LosingCluster(ApiServer())


def records(cluster: Cluster) -> KubernetesRecords[KubernetesState]:
    return KubernetesRecords(cluster, KEY, KubernetesState, 15)


def test_it_is_left_beside_a_command_at_work_and_the_first_one_stays(cluster: LosingCluster) -> None:
    at_work = records(cluster)
    lease = at_work.take("a tester", "deploying", always=False)
    at_work.begin(plan())
    assert records(cluster).leave_word(1, WORD) == WORD
    assert records(cluster).leave_word(1, msgspec.structs.replace(WORD, who="another")) == WORD
    assert records(cluster).word(1, 0.5) is None and records(cluster).word(2, 0.1) is None
    at_work.append(1, journal.Line(event=at_work.word(1, 0.1)))
    assert list(at_work.numbers()) == [1]
    story = records(cluster).story(1)
    assert story is not None and story.events == (WORD,)
    lease.give_back()


def test_an_answer_that_was_lost_is_no_word_of_somebody_else(cluster: LosingCluster) -> None:
    cluster.lost = 1
    assert records(cluster).leave_word(1, WORD) == WORD


def test_it_goes_with_its_journal(cluster: LosingCluster) -> None:
    at_work = records(cluster)
    lease = at_work.take("a tester", "deploying", always=False)
    for number in range(1, KEPT_JOURNALS + 3):
        at_work.begin(msgspec.structs.replace(plan(), number=number))
        at_work.leave_word(number, WORD)
    kept = [number for number in range(1, KEPT_JOURNALS + 3) if at_work.word(number, 0.1) is not None]
    assert kept == at_work.numbers() == list(range(3, KEPT_JOURNALS + 3))
    lease.give_back()


def test_what_is_no_word_is_said_with_its_place(cluster: LosingCluster) -> None:
    records(cluster).leave_word(1, WORD)
    name = f"{KEY}-r1-continued-10"
    cluster.api.objects["ConfigMap", name]["data"] = {"word.json": "{"}
    with pytest.raises(InvalidInput, match=f"ConfigMap {name}.*delete it"):
        records(cluster).word(1, 0.1)
