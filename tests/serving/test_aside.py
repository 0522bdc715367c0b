"""What is large is read beside the event loop, in order, and held no longer than it must be."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
import time
import weakref
from types import SimpleNamespace
from typing import Any

import pytest

from modelway.serving import application, payload
from modelway.serving.application import Application
from modelway.serving.aside import Aside
from modelway.serving.columns import SignatureColumn
from modelway.serving.messages import LARGE_BYTES, HttpAnswer, HttpRequest, Refusal
from modelway.serving.metrics import Metrics, memory
from modelway.serving.release import ServedRelease
from modelway.serving.settings import ServerSettings


def test_work_is_done_in_order_in_another_thread_and_told_on_the_loop() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        aside, over = Aside(loop), asyncio.Event()
        told: list[Any] = []

        def done(said: Any, error: BaseException | None) -> None:
            told.append((said, type(error)))
            assert threading.current_thread() is threading.main_thread()
            if len(told) == 3:
                over.set()

        aside.run(lambda: threading.current_thread().name, done)
        aside.run(lambda: 1 // 0, done)
        aside.run(lambda: 3, done)
        assert aside.waiting == 3 and told == []
        await asyncio.wait_for(over.wait(), 30)
        assert aside.waiting == 0
        assert told == [("aside", type(None)), (None, ZeroDivisionError), (3, type(None))]

    asyncio.run(main())


@pytest.mark.parametrize("raised", [Refusal(400, "no"), ValueError("no")])
def test_what_was_refused_is_let_go_without_the_collector(raised: Exception) -> None:
    class Body:
        pass

    async def main() -> weakref.ref[Body]:
        aside, over = Aside(asyncio.get_running_loop()), asyncio.Event()
        body = Body()
        kept = weakref.ref(body)

        def work(body: Body) -> None:
            try:
                raise KeyError(body)
            except KeyError:
                raise raised from None

        aside.run(lambda body=body: work(body), lambda said, error: over.set())  # type: ignore[misc]
        del body
        await asyncio.wait_for(over.wait(), 30)
        return kept

    gc.collect()
    gc.disable()
    try:
        kept = asyncio.run(main())
        if not isinstance(raised, Refusal):  # its context is kept for the log
            raised.__context__ = None
        deadline = time.monotonic() + 10  # the thread may not have come back from its last call yet
        while kept() is not None and time.monotonic() < deadline:
            time.sleep(0.001)
        assert kept() is None
    finally:
        gc.enable()


def test_a_large_body_does_not_hold_up_the_loop_and_a_small_one_does_not_wait() -> None:
    model = SimpleNamespace(columns=(SignatureColumn("x", "double", True),), schema=None)

    async def main() -> None:
        app = Application(
            ServedRelease("m", 1, "", "", "", "", ""), Metrics(memory(1), 0, {}), ServerSettings(max_rows=10)
        )
        app.model, app.batcher = model, SimpleNamespace(waiting=0)  # type: ignore[assignment]
        app.aside = Aside(asyncio.get_running_loop())
        answers: list[HttpAnswer] = []
        small = json.dumps({"y": 1}).encode()
        app.handle(HttpRequest("POST", "/predict", "", small), answers.append)
        assert [answer.status for answer in answers] == [400]
        large = b'{"rows": [' + b",".join([b"{}"] * LARGE_BYTES) + b"]}"
        app.handle(HttpRequest("POST", "/predict", "", large), answers.append)
        assert len(answers) == 1 and app.waiting == 1
        while len(answers) < 2:
            await asyncio.sleep(0.001)
        assert (answers[1].status, app.waiting) == (413, 0)

    asyncio.run(main())


@pytest.mark.parametrize("happens", ["it is loaded", "it is stopped", "nothing"])
def test_who_asks_whether_it_is_ready_waits_a_moment_for_it(happens: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A probe asks once a second: else it would learn of it up to a second later."""
    monkeypatch.setattr(application, "READY_SECONDS", 0.1 if happens == "nothing" else 60.0)

    async def main() -> int:
        metrics = Metrics(memory(1), 0, {})
        app = Application(ServedRelease("m", 1, "", "", "", "", ""), metrics, ServerSettings())
        answers: list[HttpAnswer] = []
        app.handle(HttpRequest("GET", "/ready", "", b""), answers.append)
        app.handle(HttpRequest("GET", "/ping", "", b""), answers.append)
        await asyncio.sleep(0.03)
        assert [answer.status for answer in answers] == [503], "the other one is told at once"
        if happens == "it is loaded":
            app.model = SimpleNamespace()  # type: ignore[assignment]
            metrics.set_ready(True)
        app.stopping = happens == "it is stopped"
        while len(answers) < 2:
            await asyncio.sleep(0.001)
        return answers[1].status

    assert asyncio.run(main()) == (200 if happens == "it is loaded" else 503)


def test_objects_are_counted_while_they_are_read() -> None:
    body = b'{"rows": [' + b",".join([b"{}"] * 500) + b", nonsense"
    with pytest.raises(Refusal, match="more than 10 objects") as caught:
        payload.document(body, 10)  # refused before it comes to what is no JSON
    assert caught.value.status == 413
    with pytest.raises(Refusal, match="not JSON"):
        payload.document(body, 1000)


def test_an_error_looks_at_no_more_of_a_value_than_it_shows() -> None:
    class Watched(dict):  # type: ignore[type-arg]
        seen = 0

        def items(self) -> Any:
            for number in range(10**9):
                Watched.seen += 1
                yield str(number), 1

    assert payload.shown(Watched(a=1)).endswith("...") and Watched.seen < 100
    assert payload.shown("x" * 100) == '"' + "x" * 76 + "..."
    assert payload.shown('a"\n') == '"a\\"\\n"'
