"""A use case with an input of every type, for the tests of what they have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta

from modelway import ci


@dataclass(frozen=True, kw_only=True)
class Said(ci.Result):
    said: Annotated[str, ci.Output("what was said")] = ""
    never: Annotated[int | None, ci.Output("nothing")] = None
    kept: str = "no output"


Work = Callable[[ci.Job, Mapping[str, Any]], Said | None]


def use_case(work: Work) -> ci.UseCase[..., Said]:
    def a_script(
        job: ci.Job,
        *,
        needed: Annotated[str, ci.Input("Needed.")],
        config: ci.Config = "modelway.yml",
        working_directory: ci.WorkingDirectory = ".",
        report_directory: ci.ReportDirectory = "out/modelway",
        text: Annotated[str | None, ci.Input("Any text.", left_out="none")] = None,
        text_file: Annotated[str | None, ci.Input("The same in a file.", file_of="text")] = None,
        count: Annotated[int | None, ci.Input("A number.", left_out="none")] = None,
        share: Annotated[Annotated[float, Meta(gt=0, lt=1)] | None, ci.Input("A share.", left_out="none")] = None,
        wait_seconds: Annotated[float, Meta(ge=0), ci.Input("To wait.")] = 2.5,
        kind: Annotated[Literal["small", "large"] | None, ci.Input("Which.", left_out="none")] = None,
        moment: Annotated[datetime | None, ci.Input("When.", left_out="now")] = None,
        names: Annotated[tuple[str, ...], ci.Input("Names.", left_out="none")] = (),
        options: Annotated[Mapping[str, int] | None, ci.Input("Options.", left_out="none")] = None,
        flag: Annotated[bool, ci.Input("Yes or no.")] = False,
        seed: Annotated[int | None, ci.key("train.seed")] = None,
        door_token: Annotated[str, ci.Input("Opens it.", left_out="none", secret=True)] = "",
    ) -> Said:
        """What it does."""
        given = {name: value for name, value in locals().items() if name not in ("job", "work")}
        return work(job, given) or Said()

    return ci.use_case(a_script)


def run(work: Work, *flags: str) -> int:
    return ci.run(use_case(work), flags)


def say_text(job: ci.Job, given: Mapping[str, Any]) -> Said:
    return Said(said=given["text"] or "(nothing)")
