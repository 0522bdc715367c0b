"""GitLab's CI/CD components: templates/*.yml, a job for each action, from the same signatures as action.yml.

Source: GitLab's documentation of components, of `spec:inputs` and of where variables are expanded.
"""

from __future__ import annotations

import json

from modelway.ci import Input
from modelway.command import AnyUseCase

LEFT_OUT = ("init", "comment-report", "record-deployment", "start-registry", "stop-registry", "stop-deployment")
"""Actions of GitHub's own, and those for what runs on one's own machine."""
DEPLOYING = ("deploy-model", "deploy-group")
GOING_BACK = ("rollback-release", "rollback-group")
STAGES = {"train-model": "train", "evaluate-gate": "gate", "build-image": "build"}
STAGES |= dict.fromkeys(DEPLOYING, "deploy") | dict.fromkeys(GOING_BACK, "rollback")

DEFAULTS = {"working-directory": "."}
"""Of inputs that other lines are made with, too."""


def component(name: str, action: AnyUseCase, address: dict[str, str]) -> str:
    """address: release/repository.json."""
    manual = [{"when": "manual", "allow_failure": True}]  # nobody has to click
    own: dict[str, tuple[str, object, str]] = {
        "job-name": ("", name, "The job's name."),
        "job-stage": ("", STAGES.get(name, "test"), "The stage that it is in."),
        "job-needs": ("array", [], "The jobs whose outputs it reads; it waits for no other."),
        "job-rules": ("array", manual if name in GOING_BACK else [{"when": "on_success"}], "When it runs."),
        "job-image": ("", "python:3.12", "An image with Python, git and bash."),
        "job-timeout": ("", "4h" if name in DEPLOYING else "1h", "When GitLab ends it."),
        "modelway-url": (
            "",
            f"https://github.com/{address['repository']}.git",
            "Where modelway is fetched from by git.",
        ),
        "modelway-ref": ("", address["major"], "Its tag, or a commit: then no tag that is moved changes anything."),
    }
    given = [item for item in action.inputs if not item.secret and item.name != "report-directory"]
    assert not {item.name for item in given} & {*own, "source-url", "source-ref"}, (
        f"{name}: a name of the component's own"
    )
    folder = "$[[ inputs.working-directory ]]" if any(item.name == "working-directory" for item in given) else "."
    lines = ["spec:", "  inputs:"]
    for item in given:
        otherwise = "" if item.required else f'default: "{DEFAULTS.get(item.name, "")}", '
        lines.append(f"    {key_of(item.name)}: {{ {otherwise}description: {quoted(described_input(item))} }}")
    for key, (kind, default, said) in own.items():
        typed = f"type: {kind}, " if kind else ""
        lines.append(f"    {key}: {{ {typed}default: {json.dumps(default)}, description: {quoted(said)} }}")
    lines += [
        "---",
        '"$[[ inputs.job-name ]]":',
        "  stage: $[[ inputs.job-stage ]]",
        "  image: $[[ inputs.job-image ]]",
        "  needs: $[[ inputs.job-needs ]]",
        "  rules: $[[ inputs.job-rules ]]",
        "  timeout: $[[ inputs.job-timeout ]]",
        "  interruptible: false # what is ended half-way goes back, and nobody asked for that",
        *_places(name),
        "  variables:",
        "    MODELWAY_HOME: $CI_PROJECT_DIR/.modelway",
        "    MODELWAY_DOTENV: out/modelway.env # its outputs, which the jobs that need it have as variables",
        "    MODELWAY_SOURCE_URL: $[[ inputs.modelway-url ]]",
        "    MODELWAY_SOURCE_REF: $[[ inputs.modelway-ref ]]",
        *(f'    {item.variable}: "$[[ inputs.{item.name} ]]"' for item in given),
        "  before_script:",
        "    - printf '%s\\n' .modelway out >>.git/info/exclude # a model that was trained beside other files says so",
        "    - git init --quiet .modelway/source",
        '    - git -C .modelway/source fetch --quiet --depth 1 "$MODELWAY_SOURCE_URL" "$MODELWAY_SOURCE_REF"',
        "    - git -C .modelway/source checkout --quiet --force FETCH_HEAD",
        "  script:",
        f"    - .modelway/source/scripts/run {name.replace('-', '_')}",
        "  cache: { key: modelway-$MODELWAY_SOURCE_REF, paths: [.modelway/environments] }",
        "  artifacts:",
        "    when: always",
        f'    paths: ["{folder}/out/modelway"]',
        "    reports:",
        "      dotenv: out/modelway.env",
        f"      junit: {folder}/out/modelway/*.xml",
        f"      codequality: {folder}/out/modelway/*.codequality.json",
        "",
    ]
    return "\n".join(lines)


def _places(name: str) -> list[str]:
    """What GitLab shows as the environment, and what keeps two deployments apart. The way back waits for nobody."""
    if name in DEPLOYING:
        url = ", url: $DEPLOY_MODEL_ADDRESS" if name == "deploy-model" else ""
        return [
            f'  environment: {{ name: "$[[ inputs.environment ]]"{url} }}',
            "  resource_group: $[[ inputs.environment ]]",
        ]
    if name in GOING_BACK:
        return ['  environment: { name: "$[[ inputs.environment ]]", action: access }']
    return []


def described_input(item: Input) -> str:
    return item.description + (" Required." if item.required else "")


TRUTH_VALUES = ("yes", "no", "on", "off")
"""What YAML 1.1 takes for a truth value where it stands without quotes."""


def key_of(name: str) -> str:
    return quoted(name) if name in TRUTH_VALUES else name


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
