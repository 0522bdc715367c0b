"""Whatever stands at any place of a manifest, it is read or refused in one line with its place: never another error."""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from modelway.errors import InvalidInput
from modelway.peers.queried import Assumed
from peers.manifests import CANARY, ROLLOUT, TEMPLATE, read

CUSTOM = "      - {name: own, query: 'up', thresholdRange: {max: 1}}\n      - {name: other, templateRef: {name: t}}\n"
METRIC_TEMPLATE = """\
---
apiVersion: flagger.app/v1beta1
kind: MetricTemplate
metadata: {name: t}
spec: {provider: {type: prometheus}, query: "up"}
"""
WHOLE = {
    "flagger": list(yaml.safe_load_all(CANARY + CUSTOM + METRIC_TEMPLATE)),
    "argo": list(yaml.safe_load_all(f"{ROLLOUT}---\n{TEMPLATE}  dryRun: [{{metricName: x}}]\n")),
}
JUNK = st.sampled_from(
    [None, "", "x", "1m", "-1", "NaN", 0, -1, 1.5, 10**400, True, [], [1], {}, {"name": "x"}, [{"name": {}}]]
)


def places(value: Any, where: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [where, *(place for key, one in inner for place in places(one, (*where, key)))]


@pytest.mark.parametrize("peer", WHOLE)
@given(data=st.data())
def test_junk_anywhere(peer: str, data: st.DataObject) -> None:
    documents = copy.deepcopy(WHOLE[peer])
    where = data.draw(st.sampled_from([place for place in places(documents) if place]))
    holder: Any = documents
    for part in where[:-1]:
        holder = holder[part]
    if data.draw(st.booleans()):
        holder[where[-1]] = data.draw(JUNK)
    else:
        del holder[where[-1]]
    with tempfile.TemporaryDirectory() as folder:
        try:
            analysis, notes = read(Path(folder), yaml.safe_dump_all(documents), assumed=Assumed(slow_known=True))
        except InvalidInput as error:
            assert error.where.startswith("one.yml")
            assert error.fix
            assert "\n" not in error.line()
            return
        assert analysis.name
        assert all("\n" not in note for note in notes)
