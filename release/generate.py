"""Write what follows from something else, so that nothing is said twice by hand; `--check` only says what is stale.

- actions/*/action.yml and the tables of their READMEs, from the signature of each use case;
- templates/*.yml, GitLab's components, from the same (release/components.py);
- the descriptions of the reusable workflows' inputs that they hand on to an action, from the same;
- the packages and extras of pyproject.toml, from requirements/*.in;
- the README's table of actions and its workflow;
- docs/modelway.schema.json, from the classes of modelway.config;
- the Role in docs/kubernetes.md, from what the target asks the cluster for;
- the files that docs/logins.md, docs/other-schedulers.md and docs/workflows.md show;
- docs/troubleshooting.md, from the errors in the code (release/troubleshooting.py);
- docs/permissions.md, from the workflows and templates (release/permissions.py);
- the repository's address wherever a template, an example or a README names it, from release/repository.json.

Usage: scripts/run --in test python release/generate.py [--check]
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

import components  # noqa: E402 - beside this file
import permissions  # noqa: E402 - beside this file
import troubleshooting  # noqa: E402 - beside this file
from components import described_input, key_of, quoted  # noqa: E402 - beside this file
from modelway.ci import Input  # noqa: E402 - after the path is known
from modelway.command import AnyUseCase, use_cases  # noqa: E402
from modelway.config.json_schema import schema_of_project  # noqa: E402
from modelway.environments.tools import ENVIRONMENTS  # noqa: E402
from modelway.markdown import cell  # noqa: E402
from modelway.targets.kubernetes import role  # noqa: E402

ADDRESS = json.loads((ROOT / "release" / "repository.json").read_text(encoding="utf-8"))
OWN_USES = re.compile(r"uses:\s+([\w.-]+/[\w.-]+)/\.github/workflows/[\w-]+\.yml@v\d+")
ADDRESSED = (
    "zizmor.yml",
    "README.md",
    "docs/*.md",
    "docs/strategies/*.md",
    "actions/*/README.md",
    "workflows-templates/*.yml",
    "examples/**/*.yml",
    "action-tests/*/workflow.yml",
)
JOURNEY = (
    "init",
    "generate-contract",
    "validate-data",
    "compare-contracts",
    "check-quality",
    "profile-data",
    "detect-drift",
    "monitor-model",
    "follow-policy",
    "plan-rollout",
    "select-model",
    "train-model",
    "evaluate-gate",
    "promote-model",
    "build-image",
    "render-manifests",
    "deploy-model",
    "deploy-group",
    "continue-rollout",
    "record-deployment",
    "test-endpoint",
    "benchmark-endpoint",
    "rollback-release",
    "rollback-group",
    "replay-rollout",
    "list-models",
    "compare-models",
    "download-model",
    "export-metrics",
    "show-history",
    "report-delivery",
    "render-monitoring",
    "notify",
    "comment-report",
    "judge-plan",
)
BRANDING = "branding: { icon: trending-up, color: green }"
"""Without it GitHub's Marketplace lists no action; a fork that publishes one has it."""
USES_OWN = re.compile(r"^ +uses: \$/actions/([\w-]+)\n((?: {8,}.*\n)*)", re.MULTILINE)
HANDED_ON = re.compile(r"^ +([\w-]+): \$\{\{ inputs\.([\w-]+) \}\}$", re.MULTILINE)


def first_sentence(action: AnyUseCase) -> str:
    return " ".join(action.description.split("\n\n")[0].split())


def action_yml(name: str, action: AnyUseCase) -> str:
    lines = [f"name: {name}", f"description: {quoted(first_sentence(action))}", BRANDING, "inputs:"]
    lines += [f"  {key_of(item.name)}: {{ description: {quoted(described_input(item))} }}" for item in action.inputs]
    lines += ["outputs:"]
    for output, holds in action.outputs.items():
        value = quoted(f"${{{{ steps.run.outputs.{output} }}}}")
        lines.append(f"  {output}: {{ description: {quoted(holds)}, value: {value} }}")
    lines += ["runs:", "  using: composite", "  steps:", "    - id: run", "      shell: bash", "      env:"]
    lines += [f"        {item.variable}: ${{{{ {value_in_step(item)} }}}}" for item in action.inputs]
    lines += [f'      run: exec "$GITHUB_ACTION_PATH/../../scripts/run" {name.replace("-", "_")}', ""]
    return "\n".join(lines)


def value_in_step(item: Input) -> str:
    """A secret may come from the job's own environment, which the step's would hide."""
    return f"inputs.{item.name} || env.{item.variable}" if item.secret else f"inputs.{item.name}"


def tables(action: AnyUseCase) -> str:
    lines = ["| input | what it is | its value | flag | variable | key of modelway.yml |", "|---|---|---|---|---|---|"]
    for item in action.inputs:
        required = " **Required.**" if item.required else ""
        key = f"`{item.key}`" if item.key else ""
        flag = "" if item.secret else f"`{item.flag}`"
        lines.append(
            f"| `{item.name}` | {cell(item.description, 400)}{required} | {cell(item.words)} | {flag} | `{item.variable}` |"
            f" {key} |"
        )
    lines += ["", "| output | what it holds |", "|---|---|"]
    lines += [f"| `{output}` | {cell(holds, 400)} |" for output, holds in action.outputs.items()]
    return "\n".join(lines)


def table_of_actions() -> str:
    """In the order of the journey; what is not on it comes last."""
    known = use_cases()
    names = [*(name for name in JOURNEY if name in known), *(name for name in known if name not in JOURNEY)]
    lines = ["| action | what it does |", "|---|---|"]
    lines += [f"| [{name}](actions/{name}/README.md) | {cell(first_sentence(known[name]), 400)} |" for name in names]
    return "\n".join(lines)


def described(workflow: str) -> str:
    """A reusable workflow in which each input that is handed on to one of our actions says what the action says of it."""
    handed_on: dict[str, Input] = {}
    known = use_cases()
    for uses, given in USES_OWN.findall(workflow):
        takes = {item.name: item for item in known[uses].inputs}
        for name, source in HANDED_ON.findall(given):
            handed_on.setdefault(source, takes[name])
    for name, item in handed_on.items():
        line = re.compile(rf"^(      {name}: \{{ type: .*description: ).*?( \}})$", re.MULTILINE)
        # an action may do without what its workflow requires
        required = re.search(rf"^      {name}: \{{ .*required: true, ", workflow, re.MULTILINE)
        said = quoted(item.description.partition(" Left out: ")[0] if required else item.description)
        workflow = line.sub(lambda match, said=said: f"{match[1]}{said}{match[2]}", workflow, count=1)  # type: ignore[misc]
    return workflow


def with_extras(settings: str) -> str:
    """pyproject.toml with what the tool needs, and an extra for each environment that needs more."""
    own = [*packages_of("tool"), *packages_of("uv")]
    lines = [f"dependencies = {json.dumps(own)}"]
    for name in sorted({*ENVIRONMENTS.values()}):
        more = [line for line in packages_of(name) if line not in own]
        lines.append(f"optional-dependencies.{name} = {json.dumps(more)}")
    return with_section(settings, "packages", "\n".join(lines), "# ", "")


def packages_of(name: str) -> list[str]:
    """What requirements/NAME.in names, with the files that it includes."""
    found: list[str] = []
    for line in (ROOT / "requirements" / f"{name}.in").read_text(encoding="utf-8").splitlines():
        wanted = line.partition("#")[0].strip()
        if wanted.startswith("-r "):
            found += packages_of(wanted[3:].strip().removesuffix(".in"))
        elif wanted:
            found.append(wanted)
    return found


def with_section(text: str, name: str, content: str, begin: str = "<!-- ", end: str = " -->") -> str:
    """The text with what stands between the two markers of a section replaced. begin and end: of a comment."""
    pattern = re.compile(rf"{begin}{name}: .*?{begin}/{name}{end}", re.DOTALL)
    if not pattern.search(text):
        raise SystemExit(f"error: no section {name!r} to write into. Fix: add {begin}{name}:{end} {begin}/{name}{end}")
    section = f"{begin}{name}: generated by `make generate`{end}\n{content}\n{begin}/{name}{end}"
    return pattern.sub(lambda match: section, text)


def with_files(text: str) -> str:
    """The text with each file that it shows as it is: the section is named as the file."""
    for name in re.findall(r"<!-- (examples/\S+): ", text):
        language = {".yml": "yaml", ".sh": "bash", ".py": "python", "": "groovy"}.get(Path(name).suffix, "json")
        content = (ROOT / name).read_text(encoding="utf-8")
        text = with_section(text, name, f"```{language}\n{content}```")
    return text


def addressed(text: str, old: str) -> str:
    """The text with the address that the templates have so far, and the major tag behind it, replaced by today's."""
    tagged = re.sub(rf"(?<![\w.-])({re.escape(old)}(?:/[\w./-]+)?)@v\d+", rf"\g<1>@{ADDRESS['major']}", text)
    return re.sub(rf"(?<![\w.-]){re.escape(old)}(?![\w.-])", ADDRESS["repository"], tagged)


def generated() -> dict[Path, str]:
    """Every file that is generated, in whole or in part, as it should be."""
    files: dict[Path, str] = {}
    for name, action in use_cases().items():
        folder = ROOT / "actions" / name
        files[folder / "action.yml"] = action_yml(name, action)
        readme = folder / "README.md"
        files[readme] = with_section(readme.read_text(encoding="utf-8"), "interface", tables(action))
        if name not in components.LEFT_OUT:
            files[ROOT / "templates" / f"{name}.yml"] = components.component(name, action, ADDRESS)
    readme = ROOT / "README.md"
    text = with_section(readme.read_text(encoding="utf-8"), "actions", table_of_actions())
    template = (ROOT / "workflows-templates" / "deliver-model.yml").read_text(encoding="utf-8")
    files[readme] = with_section(text, "workflow", f"```yaml\n{template}```")
    on_kubernetes = ROOT / "docs" / "kubernetes.md"
    text = on_kubernetes.read_text(encoding="utf-8")
    files[on_kubernetes] = with_section(text, "role", f"```yaml\n{role.as_yaml()}```")
    for page in ("logins.md", "other-schedulers.md", "workflows.md"):
        files[ROOT / "docs" / page] = with_files((ROOT / "docs" / page).read_text(encoding="utf-8"))
    published = ROOT / "docs" / "permissions.md"
    text = with_section(published.read_text(encoding="utf-8"), "workflows", permissions.of_workflows(ROOT))
    files[published] = with_section(text, "templates", permissions.of_templates(ROOT))
    trouble = ROOT / "docs" / "troubleshooting.md"
    errors = troubleshooting.page(ROOT / "scripts")
    files[trouble] = with_section(trouble.read_text(encoding="utf-8"), "errors", errors)
    files[ROOT / "docs" / "modelway.schema.json"] = json.dumps(schema_of_project(), indent=2) + "\n"
    for path in sorted((ROOT / ".github" / "workflows").glob("*.yml")):
        files[path] = described(path.read_text(encoding="utf-8"))
    files[ROOT / "pyproject.toml"] = with_extras((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    old = OWN_USES.search(template)
    assert old is not None  # the template uses our own workflows
    for pattern in ADDRESSED:
        for path in sorted(ROOT.glob(pattern)):
            files[path] = addressed(files.get(path) or path.read_text(encoding="utf-8"), old[1])
    return files


def main() -> int:
    stale = {
        path: text
        for path, text in generated().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    }
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(f"error: {path.relative_to(ROOT)} is stale. Fix: make generate", file=sys.stderr)
        return 1 if stale else 0
    for path, text in stale.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
