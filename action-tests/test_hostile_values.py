"""Whatever stands in an input is data: nothing of it is executed, and the runner takes no command from it."""

from __future__ import annotations

from collections.abc import Mapping

from hostile import Setting

from conftest import ROOT

ACTIONS = sorted(path.parent.name for path in ROOT.glob("actions/*/action.yml"))

MOVE_THE_ALIAS = """\
python3 - <<'PYTHON'
import json, os, urllib.request
body = json.dumps({"name": "parcels", "alias": "staging", "version": "VERSION"}).encode()
address = os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/registered-models/alias"
headers = {"Content-Type": "application/json"}
urllib.request.urlopen(urllib.request.Request(address, body, headers, method="POST"))
PYTHON
"""


def settings(action: str, version: str, other: str) -> tuple[Setting, Mapping[str, Setting]]:
    """The inputs beside the hostile one, such that it is used: for most inputs, and for those that need other ones."""
    judged = {"environment": "production", "version": version}
    by_hand = MOVE_THE_ALIAS.replace("VERSION", version), MOVE_THE_ALIAS.replace("VERSION", other)
    move = f"if [ -e moved ]; then rm moved\n{by_hand[0]}else touch moved\n{by_hand[1]}fi\n"
    adopted = Setting({"environment": "staging", "adopt": "true"}, before=move)
    return {
        "evaluate-gate": (Setting(judged), {}),
        "promote-model": (Setting({"environment": "unpromoted", "version": version}), {"reason": adopted}),
        "show-history": (Setting({"environment": "production"}), {}),
        "train-model": (Setting(), {"report-directory": Setting({"model-uri": f"models:/parcels/{version}"})}),
    }.get(action, (Setting(), {}))
