"""What MLflow says when a training command leaves the run that was opened for it, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Callable


class Listener:
    """Passes lines on, and keeps what explains a failure. advice: (why, fix) of the last line that says something, and
    the last thing known of it; None where nothing was heard."""

    def __init__(self, say: Callable[[str], None], run_id: str) -> None:
        self.advice: tuple[str, str] | None = None
        self._say = say
        self._known = (
            (
                re.compile(r"^ModuleNotFoundError: No module named '([\w.]+)'"),
                r"no package of its environment has the module \1",
                "add the one that has it to train.requirements; of a module of your own, start the training by python -m",
            ),
            (
                re.compile("^ModuleNotFoundError: No module named '(pkg_resources|distutils)"),
                r"a package of its environment asks for \1, which is part of setuptools",
                "add setuptools<81 to train.requirements",
            ),
            (
                re.compile("active experiment ID does not match environment run ID"),
                "it calls mlflow.set_experiment() with another experiment than that of the run that is open for it",
                "leave that call out, or write the same name as registry.experiment",
            ),
            (
                re.compile(f"Run .*{re.escape(run_id)}.* not found"),
                "it calls mlflow.set_tracking_uri() with another server than that of the run that is open for it",
                "leave that call out: $MLFLOW_TRACKING_URI names the server",
            ),
            (
                re.compile(r"No module named 'skops'|references untrusted types|UntrustedTypesFoundException"),
                "skops, MLflow's own format for scikit-learn, is not there or does not take this model",
                'log it with serialization_format="cloudpickle"',
            ),
            (
                re.compile(r"papermill: (?:command )?not found|No module named papermill"),
                "papermill, which runs the notebook, is not in its environment",
                "add papermill and ipykernel to train.requirements",
            ),
            (
                re.compile("NoSuchKernel: No such kernel named"),
                "the notebook names a kernel of another machine",
                "let papermill take the environment's own: papermill -k python3 ...",
            ),
        )

    def __call__(self, line: str) -> None:
        self._say(line)
        for pattern, why, fix in self._known:
            if found := pattern.search(line):
                self.advice = found.expand(why), fix
