"""select-model: the best run of an experiment by a metric, and the model that it logged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from modelway import ci
from modelway.ci import Input, Output
from modelway.errors import InvalidInput, Refused
from modelway.registry import selection
from modelway.registry.entities import LoggedModel
from modelway.registry.protocol import ModelRegistry
from modelway.registry.selection import Ranked, Ranking
from modelway.report.selection import MOST_SHOWN, in_words, markdown
from modelway.stages.steps import workspace


@dataclass(frozen=True, kw_only=True)
class ModelSelected(ci.Result):
    run_id: Annotated[str, Output("the MLflow run that was selected")]
    model_uri: Annotated[str, Output("the address of its model, for train-model's input model-uri")]
    version: Annotated[
        int | None, Output("its version of the model of modelway.yml; empty where it is not registered there")
    ]
    value: Annotated[float, Output("its value of the metric")]
    runs: Annotated[int, Output("how many runs had the metric and kept the conditions")]
    tied: Annotated[int, Output("how many of these share the best value")]
    report: Annotated[str, Output("the path of select-model.json")]


@ci.use_case
def select_model(
    job: ci.Job,
    *,
    metric: Annotated[str, Input("The metric of the runs, such as val_auc.")],
    direction: Annotated[
        Literal["maximize", "minimize"], Input("Whether a larger value is better, or a smaller one.")
    ] = "maximize",
    conditions: Annotated[
        str,
        Input(
            "What a run has to keep, separated by commas, such as val_loss <= 0.3, params.kind = forest.",
            left_out="nothing",
        ),
    ] = "",
    parent_run: Annotated[str, Input("The run whose nested runs alone count.", left_out="all runs count")] = "",
    logged_model: Annotated[
        str, Input("The name that the model was logged under.", left_out="the only one of the run")
    ] = "",
    config: ci.Config = "modelway.yml",
    working_directory: ci.WorkingDirectory = ".",
    experiment: Annotated[str | None, ci.key("registry.experiment")] = None,
    tracking_uri: ci.TrackingUri = None,
    report_directory: ci.ReportDirectory = "out/modelway",
) -> ModelSelected:
    """Select the best run of an experiment by a metric and conditions. Ties go to the run that was started first.

    Inputs: modelway.yml (model, section registry), the experiment's finished runs, and the flags below.
    Outputs: the run, the address of its model for train-model's model-uri, and its version where it has one.
    Exit codes: 0 selected; 1 no run has the metric, keeps the conditions and logged a model; 2 wrong input; 4 the registry
    failed.
    """
    held = selection.conditions_of(conditions)
    project = workspace.resolve(job)
    client = workspace.connect_registry(project, job)
    name = project.registry.experiment or project.model
    found = client.find_experiment(name)
    if found is None:
        raise InvalidInput(
            f"there is no experiment {name!r}",
            where=f"{project.source}: registry.experiment" if project.registry.experiment else "input experiment",
            fix="name the experiment of the runs, as MLflow shows it",
        )
    if parent_run:
        client.get_run(parent_run)
    ranked = selection.ranking(client.finished(found), metric, direction, held, parent_run)
    best, logged, passed_over = _first_with_a_model(client, ranked, logged_model)
    if best is None or logged is None:
        raise Refused(in_words(ranked, name, None), fix="name another metric or experiment, or loosen the conditions")
    version = selection.version_of_run(client.search_versions(project.model), best.run.id)
    record = {
        "schema": "modelway/select-model/1",
        "model": project.model,
        "experiment": name,
        "metric": metric,
        "direction": direction,
        "conditions": [str(condition) for condition in held],
        "run": best.run.id,
        "model_uri": logged.source if logged.model_id else f"runs:/{best.run.id}/{logged.path}",
        "version": version,
        "value": best.value,
        "runs": len(ranked.best),
        "tied": [row.run.id for row in ranked.tied],
        "left_out": ranked.left_out,
        "without_a_model": [row.run.id for row in passed_over],
        "best": [{"run": row.run.id, "value": row.value} for row in ranked.best[:MOST_SHOWN]],
    }
    said = in_words(ranked, name, best)
    path = job.report(record, markdown(ranked, name, best, held, passed_over))
    job.say(said)
    return ModelSelected(
        run_id=best.run.id,
        model_uri=str(record["model_uri"]),
        version=version,
        value=best.value,
        runs=len(ranked.best),
        tied=len(ranked.tied),
        report=str(path),
    )


def _first_with_a_model(
    client: ModelRegistry, ranked: Ranking, wanted: str
) -> tuple[Ranked | None, LoggedModel | None, Sequence[Ranked]]:
    """The best run that logged the model; and those before it that logged none."""
    without = list[Ranked]()
    for row in ranked.best:
        logged = [model for model in client.logged_models(row.run) if not wanted or model.path == wanted]
        if len(logged) > 1:
            names = ", ".join(model.path for model in logged)
            raise InvalidInput(
                f"run {row.run.id} logged {len(logged)} models ({names[:200]})",
                where="input logged-model",
                fix="name one of them",
            )
        if logged:
            return row, logged[0], without
        without.append(row)
    return None, None, without
