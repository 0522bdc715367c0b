"""Records in a namespace: the state in one ConfigMap, every journal in some, and who may change them in a Lease.

Each write carries the version that was read, and whoever takes the lease writes a fence into what is there before he reads
it: of a command that was superseded nothing gets in any more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec

from modelway.errors import InvalidInput, OutsideFailure
from modelway.rollout import engine, journal
from modelway.rollout.plan import Plan
from modelway.targets.kubernetes import lease as leases
from modelway.targets.kubernetes import names, routes
from modelway.targets.kubernetes.cluster import Cluster, Object, changed
from modelway.targets.kubernetes.refusals import ApiError
from modelway.targets.state import TargetState

STATE, SAID = "state.json", "word.json"
PART_BYTES = 600_000
"""A ConfigMap holds 1 MiB, and its size is counted with every key."""
KEPT_JOURNALS = 20
T = TypeVar("T", bound=TargetState[Any])


class KubernetesRecords(Generic[T]):
    """key: the target's name in its namespace. kind: the target's own state. lease_seconds: after which a holder that does not
    renew it is dead. guard_seconds: after which a rollout that was left is taken back."""

    def __init__(
        self, cluster: Cluster, key: str, kind: type[T], lease_seconds: float, guard_seconds: float = 86_400
    ) -> None:
        self.cluster, self.key, self.kind = cluster, key, kind
        self.lease_seconds, self.guard_seconds = lease_seconds, guard_seconds
        self._lease: leases.KubernetesLease | None = None
        self._version = ""
        self._part: Object | None = None
        self._numbers: list[int] = []
        """Of the rollouts that have a journal, as this lease knows them."""

    @property
    def where(self) -> str:
        return f"{self.cluster.where}, ConfigMap {self.key}"

    def exist(self) -> bool:
        return self.cluster.get("ConfigMap", self.key) is not None

    def read(self) -> T | None:
        found = self.cluster.get("ConfigMap", self.key)
        text = ((found or {}).get("data") or {}).get(STATE)
        if text is None:
            return None
        try:
            state: T = msgspec.json.decode(text, type=self.kind)
        except msgspec.DecodeError as error:
            raise InvalidInput(
                f"{STATE} is not what deploy-model writes: {error}",
                where=self.where,
                fix="put it back from a backup; or delete the ConfigMap, and deploy again: what runs is taken as stable",
            ) from None
        return state

    def empty(self, model: str, environment: str) -> T:
        return self.kind(model=model, environment=environment)

    def write(self, state: T) -> None:
        text = msgspec.json.format(msgspec.json.encode(state), indent=1).decode()
        body = self._body(self.key, {STATE: text})
        body["metadata"]["resourceVersion"] = self._version
        try:
            written = self.cluster.replace(body)
        except ApiError as error:
            now = self.cluster.get("ConfigMap", self.key)
            if now is None:  # deleted by hand; what it said is known, and the lease is still ours
                self._check()
                body["metadata"].pop("resourceVersion")
                written = self._created(body)
            elif (now.get("data") or {}).get(STATE) == text and self._is_ours(now):
                written = now  # the answer was lost, and the write was not
            else:
                self._check()
                raise self.cluster.told(error) from None
        self._version = written["metadata"]["resourceVersion"]

    def take(
        self, who: str, what: str, *, always: bool, say: Callable[[str], None] = lambda said: None
    ) -> leases.KubernetesLease:
        lease = leases.take(
            self.cluster,
            self.key,
            who,
            what,
            seconds=self.lease_seconds,
            guard_seconds=self.guard_seconds,
            always=always,
            say=say,
        )
        self._lease, self._part = lease, None
        try:
            self._fence()
        except BaseException:
            lease.give_back()
            raise
        return lease

    def begin(self, plan: Plan) -> None:
        first = self._part_body(plan.number, 0, {_line_name(0): _encoded(journal.Line(plan=plan))})
        part = self.cluster.get("ConfigMap", first["metadata"]["name"])
        if part is not None:
            self._check()
            if self._is_ours(part) or len(part.get("data") or {}) > 1:
                raise FileExistsError(f"{self.cluster.where}: rollout {plan.number} has a journal")
            # of a command that was superseded while it began: it has done nothing
            self.cluster.delete("ConfigMap", part["metadata"]["name"], uid=part["metadata"]["uid"])
        self._part = self._created(first)
        self._numbers.append(plan.number)
        for number in self._numbers[:-KEPT_JOURNALS]:
            words = self.cluster.list("ConfigMap", f"{names.TARGET}={self.key},{names.WORD}={number}", metadata=True)
            for part in (*self._parts(number, metadata=True), *words):
                self.cluster.delete("ConfigMap", part["metadata"]["name"])
        del self._numbers[:-KEPT_JOURNALS]

    def append(self, number: int, line: journal.Line) -> None:
        text = _encoded(line)
        for _ in range(3):
            part = self._last_part(number)
            data = part.get("data") or {}
            labels = part["metadata"]["labels"]
            if sum(map(len, data.values())) + len(text) > PART_BYTES:
                self._part = self._created(self._part_body(number, int(labels[names.PART]) + 1, {_line_name(0): text}))
                return
            name, version = _line_name(len(data)), part["metadata"]["resourceVersion"]
            try:
                written = self.cluster.merge(
                    "ConfigMap",
                    part["metadata"]["name"],
                    {"metadata": {"resourceVersion": version}, "data": {name: text}},
                )
            except ApiError as error:
                if error.status not in (404, 409):
                    raise self.cluster.told(error) from None
                self._check()
                self._part = None
                if (self._last_part(number).get("data") or {}).get(name) == text:
                    return  # the answer was lost, and the write was not
                continue
            self._part = written
            return
        raise OutsideFailure("the journal is changed by somebody else all the time", where=self._journal(number))

    def story(self, number: int) -> journal.Story | None:
        parts = self._parts(number)
        texts = [text for part in parts for _, text in sorted((part.get("data") or {}).items())]
        return journal.parse((text.encode() for text in texts), self._journal(number))

    def numbers(self) -> list[int]:
        found = self.cluster.list("ConfigMap", f"{names.TARGET}={self.key},{names.ROLLOUT}", metadata=True)
        return sorted({int(item["metadata"]["labels"][names.ROLLOUT]) for item in found})

    def leave_word(self, number: int, word: engine.Continued) -> engine.Continued:
        labels = {names.TARGET: self.key, names.WORD: str(number), "app.kubernetes.io/managed-by": "modelway"}
        try:
            self.cluster.create(
                {
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "metadata": {"name": self._word(number, word.weight), "labels": labels},
                    "data": {SAID: msgspec.json.encode(word).decode()},
                }
            )
        except ApiError as error:
            if error.status != 409:  # somebody was first, or the answer to this very word was lost
                raise self.cluster.told(error) from None
        found = self.word(number, word.weight)
        if found is None:
            raise OutsideFailure("was deleted by somebody else", where=f"ConfigMap {self._word(number, word.weight)}")
        return found

    def word(self, number: int, weight: float) -> engine.Continued | None:
        name = self._word(number, weight)
        found = self.cluster.get("ConfigMap", name)
        if found is None:
            return None
        try:
            return msgspec.json.decode((found.get("data") or {}).get(SAID, ""), type=engine.Continued)
        except msgspec.DecodeError as error:
            where, fix = f"{self.cluster.where}, ConfigMap {name}", "delete it, and continue again"
            raise InvalidInput(f"is not what continue-rollout writes: {error}", where=where, fix=fix) from None

    def _word(self, number: int, weight: float) -> str:
        return f"{self.key}-r{number}-continued-{round(100 * weight)}"

    # what is written

    def _check(self) -> None:
        assert self._lease is not None, "only who has the lease writes"
        self._lease.check()

    def _fence(self) -> None:
        """From here on nothing that an earlier holder of the lease still wants to write is accepted."""
        assert self._lease is not None
        if self.cluster.get("ConfigMap", self.key) is None:
            try:
                self.cluster.create(self._body(self.key, {}))
            except ApiError as error:
                if error.status != 409:  # another command has made it meanwhile
                    raise self.cluster.told(error) from None
        self._version = self._fenced(self.key)["metadata"]["resourceVersion"]
        self._numbers = self.numbers()
        if self._numbers:
            self._part = self._fenced(self._last_part(self._numbers[-1])["metadata"]["name"])

    def _fenced(self, name: str) -> Object:
        """Never over the fence of a later holder: what is changed was read while the lease was still ours."""
        assert self._lease is not None
        mark = {names.FENCE: self._lease.nonce}
        found = changed(self.cluster, "ConfigMap", name, lambda body: routes.annotated(body, mark), self._check)
        if found is None:
            raise OutsideFailure("was deleted by somebody else", where=f"ConfigMap {name}", fix="run it again")
        return found

    def _created(self, body: Object) -> Object:
        try:
            return self.cluster.create(body)
        except ApiError as error:
            now = self.cluster.get("ConfigMap", body["metadata"]["name"]) if error.status == 409 else None
            if now is not None and self._is_ours(now) and now.get("data") == body["data"]:
                return now  # the answer was lost, and the write was not
            self._check()
            raise self.cluster.told(error) from None

    def _is_ours(self, body: Object) -> bool:
        assert self._lease is not None
        return (body["metadata"].get("annotations") or {}).get(names.FENCE) == self._lease.nonce

    def _parts(self, number: int, *, metadata: bool = False) -> list[Object]:
        found = self.cluster.list("ConfigMap", f"{names.TARGET}={self.key},{names.ROLLOUT}={number}", metadata=metadata)
        return sorted(found, key=lambda part: int(part["metadata"]["labels"][names.PART]))

    def _last_part(self, number: int) -> Object:
        known = self._part
        if known is not None and known["metadata"]["labels"][names.ROLLOUT] == str(number):
            return known
        if not (parts := self._parts(number)):
            raise OutsideFailure(
                "the journal of this rollout was deleted", where=self._journal(number), fix="run rollback-release"
            )
        self._part = parts[-1]
        return parts[-1]

    def _journal(self, number: int) -> str:
        return f"{self.cluster.where}, ConfigMaps {self.key}-r{number}"

    def _part_body(self, number: int, part: int, data: dict[str, str]) -> Object:
        body = self._body(f"{self.key}-r{number}-{part:04d}", data)
        body["metadata"]["labels"] |= {names.ROLLOUT: str(number), names.PART: str(part)}
        return body

    def _body(self, name: str, data: dict[str, str]) -> Object:
        assert self._lease is not None, "only who has the lease writes"
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": name,
                "labels": {names.TARGET: self.key, "app.kubernetes.io/managed-by": "modelway"},
                "annotations": {names.FENCE: self._lease.nonce},
            },
            "data": data,
        }


def _encoded(line: journal.Line) -> str:
    return msgspec.json.encode(line).decode()


def _line_name(number: int) -> str:
    return f"{number:06d}"
