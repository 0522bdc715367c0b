"""GitLab CI: outputs in a dotenv file, an author who is the job's, and hosted machines that end with the job."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from modelway.ci.shell import Shell, write_line
from modelway.files import write_whole

LARGEST_BYTES = 5 * 1024
"""Of a dotenv report: GitLab's default on every tier. It refuses a larger one as a whole."""

SECTION_MARK = re.compile("(section)(_(?:start|end):)")
"""What a command of the team's prints begins and ends no section: a zero-width space breaks the mark and shows nothing."""


class GitLab(Shell):
    """A job of GitLab's. Its outputs are lines of the log, as in a shell, and variables of the jobs that need it where
    $MODELWAY_DOTENV names the file of `artifacts:reports:dotenv`: `version` of train-model is $TRAIN_MODEL_VERSION."""

    @property
    def author(self) -> str:
        return self.author_of("GITLAB_USER_LOGIN", self.address)

    @property
    def address(self) -> str:
        return self.environ.get("CI_JOB_URL", "")

    @property
    def ends_with_job(self) -> bool:
        """Of gitlab.com's own runners, by their documented tags."""
        try:
            tags = json.loads(self.environ.get("CI_RUNNER_TAGS") or "[]")
        except ValueError:
            return False
        return isinstance(tags, list) and any(str(tag).startswith("saas-") for tag in tags)

    @contextmanager
    def section(self, action: str) -> Iterator[None]:
        """A section that can be folded. Its name is told apart from an earlier one of the same action by the moment."""
        name = f"modelway_{action.replace('-', '_')}_{time.time_ns()}"
        write_line(f"\033[0Ksection_start:{int(time.time())}:{name}\r\033[0Kmodelway {action}", self.stdout)
        try:
            yield
        finally:
            write_line(f"\033[0Ksection_end:{int(time.time())}:{name}\r\033[0K", self.stdout)

    def say(self, text: str) -> None:
        super().say(SECTION_MARK.sub("\\1\u200b\\2", text))

    def outputs(self, action: str, values: Mapping[str, str]) -> None:
        super().outputs(action, values)
        if name := self.environ.get("MODELWAY_DOTENV"):
            path = Path(self.environ.get("CI_PROJECT_DIR", "")) / name
            before = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
            lines, left_out = with_outputs(before, action, values)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, "".join(f"{line}\n" for line in lines).encode())
            for variable in left_out:
                self.annotate(
                    "warning", action, f"${variable} does not fit in {name}: later jobs find it in the report"
                )

    def no_outputs(self, action: str, names: Iterable[str]) -> None:
        """No variable of an earlier try is left."""
        self.outputs(action, dict.fromkeys(names, ""))


def with_outputs(lines: Sequence[str], action: str, values: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """The file's lines with this action's outputs, and the variables that GitLab could not take: it knows no value of several
    lines and no quotes, strips blanks, and of a report that is too long the longest lines go, since what a job hands on is
    short. An empty output is no line, also where an earlier run had one."""
    named = {f"{action}_{name}".replace("-", "_").upper(): value for name, value in values.items()}
    kept = [line for line in lines if line and line.partition("=")[0] not in named]
    left_out = [name for name, value in named.items() if value != value.strip() or not value.isprintable()]
    kept += [f"{name}={value}" for name, value in named.items() if value and name not in left_out]
    while sum(len(line.encode()) + 1 for line in kept) > LARGEST_BYTES:
        longest = max(kept, key=len)
        kept.remove(longest)
        left_out.append(longest.partition("=")[0])
    return kept, left_out
