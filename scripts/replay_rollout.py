"""Read the rollouts of an environment back from their journals, prove that the same decisions follow, and draw them.

Inputs: modelway.yml (section deploy; the environment's overlay), and which rollout.
Outputs: a report in Markdown and JSON, and a page that draws each rollout over time.
Exit codes: 0 every decision follows from what was observed; 1 one does not; 2 wrong input, or a journal that was changed.
"""

from __future__ import annotations

from collections.abc import Sequence

from modelway import ci
from modelway.errors import InvalidInput
from modelway.report.rollout import markdown, record
from modelway.report.rollout_page import page
from modelway.rollout import journal
from modelway.stages.rollouts import deployment
from modelway.stages.steps import workspace

INPUTS = (
    ci.CONFIG,
    ci.WORKING_DIRECTORY,
    ci.ENVIRONMENT,
    ci.Input("number", "Which rollout, from 1. Left out: all of them.", kind="integer"),
    ci.REPORT_DIRECTORY,
)

OUTPUTS = {
    "same": "true where every decision follows from what was observed",
    "outcomes": "the rollouts' outcomes, oldest first, as JSON",
    "report": "the path of replay-rollout.json; replay-rollout.html beside it draws the rollouts",
}


def work(values: ci.Values, job: ci.Job) -> int:
    project = workspace.resolve(values, job, INPUTS)
    deployment.existing(project)
    stories = deployment.stories(project)
    if "number" in values:
        stories = [story for story in stories if story.plan.number == int(values["number"])]
        if not stories:
            raise InvalidInput("there is no such rollout", where="input number", fix="leave it out to see all of them")
    differing = [
        f"rollout {story.plan.number}: {written} was decided, {follows} follows. Fix: put the journal back from a"
        " backup, or replay it with the release of modelway that wrote it"
        for story in stories
        for written, follows in journal.replay(story)
        if written != follows
    ]
    for line in differing:
        job.error("replay-rollout: refused", line)
    job.set_output("same", str(not differing).lower())
    job.set_output("outcomes", [story.outcome for story in stories])
    text = "\n\n".join(markdown(story) for story in stories)
    job.set_output("report", str(job.report([record(story) for story in stories], text)))
    job.attach("html", page(stories))
    return 1 if differing else 0


def main(argv: Sequence[str] | None = None) -> int:
    return ci.run_script(__file__, __doc__ or "", INPUTS, OUTPUTS, work, argv)
