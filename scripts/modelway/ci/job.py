"""One run of a script: what it says, sets, reports and leaves with."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote

import msgspec

from modelway.ci import runner as runners
from modelway.ci.inputs import CONFIG, REPORT_DIRECTORY, WORKING_DIRECTORY, Input, Values, build_parser, resolve
from modelway.errors import InvalidInput, ModelwayError, OutsideFailure

SECRET_NAME = re.compile(r"(TOKEN|PASSWORD|SECRET|ACCESS_KEY|CREDENTIALS?)$|^MODELWAY_ENV$")
"""The variables whose values are hidden in all that a script writes."""

ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://(?P<user>[^\s/:@'\"]*)(?::(?P<password>[^\s/@'\"]+))?@", re.IGNORECASE)
SHORTEST_TOKEN = 16
"""Of what stands alone before the @: `git@` is a user, a token is longer."""

SHORTEST_SECRET = 6
"""Shorter values are not hidden: they would blank out ordinary words."""


class Job:
    """What a script's `work` is given beside its inputs. Outputs are held back and written once, when it ends."""

    def __init__(
        self, script: str, values: Values, outputs: Sequence[str], runner: runners.Runner, folder: Path
    ) -> None:
        self.script, self.values, self.runner, self.folder = script, values, runner, folder
        self.environ = dict(runner.environ)
        self._outputs = dict.fromkeys(outputs, "")
        self._secrets = secrets_of(self.environ)

    @property
    def config_path(self) -> Path:
        return self.folder / self.values.get(CONFIG.name, "modelway.yml")

    @property
    def report_folder(self) -> Path:
        return self.folder / self.values.get(REPORT_DIRECTORY.name, "out/modelway")

    def hide(self, secret: str) -> None:
        """Keep a value out of everything that is written from now on, here and in the runner's log."""
        self._secrets = (*self._secrets, *(line for line in secret.splitlines() if len(line) >= SHORTEST_SECRET))
        self.runner.mask(secret)

    def hide_credentials(self, address: str) -> None:
        """The user and password within an address."""
        for secret in sorted(credentials_in(address) - set(self._secrets), key=len, reverse=True):
            self.hide(secret)

    def clean(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    def say(self, text: str) -> None:
        """A line of progress, or of what a command of the team's prints: never a workflow command."""
        self.runner.say(self.clean(text))

    def warn(self, title: str, message: str) -> None:
        self.runner.annotate("warning", self.clean(title), self.clean(message))

    def error(self, title: str, message: str) -> None:
        self.runner.annotate("error", self.clean(title), self.clean(message))

    def set_output(self, name: str, value: object) -> None:
        """Strings as they are; anything else as JSON on one line."""
        if name not in self._outputs:
            raise KeyError(f"{self.script} declares no output {name}")
        self._outputs[name] = value if isinstance(value, str) else json.dumps(value, allow_nan=False, sort_keys=True)

    def report(self, record: object, markdown: str) -> Path:
        """Write `<script>.json` and `.md` into the report folder, and the Markdown onto the run's page."""
        name = self.script.replace("_", "-")
        text = msgspec.json.format(msgspec.json.encode(record), indent=2).decode()
        path = self.report_folder / f"{name}.json"
        write_atomically(path, self.clean(text) + "\n")
        write_atomically(path.with_suffix(".md"), self.clean(markdown) + "\n")
        self.runner.summary(self.clean(markdown), f"{path.with_suffix('.md')}")
        return path

    def attach(self, suffix: str, text: str) -> Path:
        """Write one more file of the report: `<script>.<suffix>` beside it."""
        path = self.report_folder / f"{self.script.replace('_', '-')}.{suffix}"
        write_atomically(path, self.clean(text))
        return path

    def write_outputs(self) -> None:
        for name, value in self._outputs.items():
            self.runner.output(name, self.clean(value))


def secrets_of(environ: Mapping[str, str]) -> tuple[str, ...]:
    """What of the variables is hidden: whole values by their variable's name, and credentials within an address anywhere."""
    found = {
        line
        for name, value in environ.items()
        if SECRET_NAME.search(name)
        for line in value.splitlines()
        if len(line) >= SHORTEST_SECRET
    }
    for value in environ.values():
        found.update(credentials_in(value))
    return tuple(sorted(found, key=len, reverse=True))


def credentials_in(text: str) -> set[str]:
    """Of every `scheme://user:password@host` in it: `user:password@`, and the password as it stands there and decoded; of
    `scheme://token@host` the token."""
    found: set[str] = set()
    for match in ADDRESS.finditer(text):
        user, password = match["user"], match["password"]
        if password is None:
            found |= {user} if len(user) >= SHORTEST_TOKEN else set()
            continue
        found.add(f"{user}:{password}@")
        found |= {item for item in (password, unquote(password)) if len(item) >= SHORTEST_SECRET}
    return found


def write_atomically(path: Path, text: str) -> None:
    """All of it or nothing: a temporary file beside it, then a rename."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8", newline="") as stream:
            temporary = Path(stream.name)
            try:
                stream.write(text)
                stream.flush()
                temporary.chmod(0o644)
                temporary.replace(path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
    except OSError as error:
        raise on_disk(error, path) from None


def on_disk(error: OSError, path: Path) -> ModelwayError:
    """What a failed write means to the user."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutsideFailure("the disk is full", where=str(path), fix="free some space and run the same command again")
    return InvalidInput(
        f"cannot be written: {error.strerror}", where=str(path), fix="name a folder that this user may write to"
    )


def not_utf8(error: UnicodeEncodeError) -> InvalidInput:
    """What came in as bytes of another encoding, such as a file's name: no report and no output can hold it."""
    before, after = error.object[: error.start], error.object[error.start :]
    around = before.rpartition("\n")[2][-60:] + after.partition("\n")[0][:60]
    return InvalidInput(
        f"{around!r} is not UTF-8, and is needed in a report or an output", fix="give the file or folder another name"
    )


def run_script(
    file: str,
    description: str,
    inputs: Sequence[Input],
    outputs: Mapping[str, str],
    work: Callable[[Values, Job], int],
    argv: Sequence[str] | None = None,
) -> int:
    """Resolve the inputs, do the work, write the outputs, and turn every failure into one line and an exit code.

    file: the script's __file__. outputs: name -> what it holds. work(values, job) returns the exit code.
    """
    script = Path(file).stem
    runner = runners.detect(os.environ)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a step started in the background ignores it otherwise
    values: Values = {}
    job = Job(script, values, tuple(outputs), runner, Path.cwd())
    try:
        arguments = build_parser(script, description, inputs).parse_args(argv)
        values = resolve(arguments, os.environ, inputs)
        folder = Path(values.get(WORKING_DIRECTORY.name, "."))
        if not folder.is_dir():
            where = f"input {WORKING_DIRECTORY.name} {str(folder)[:200]!r}"
            raise InvalidInput("is not a folder", where=where, fix="name a folder of the checkout")
        job = Job(script, values, tuple(outputs), runner, folder.resolve())
        code = work(values, job)
    except ModelwayError as error:
        code = error.exit_code
        job.error(title_of(script, code), error.line())
    except KeyboardInterrupt:
        code = 130
        job.error(title_of(script, code), "cancelled; run the same command again to go on")
    except BrokenPipeError:  # whoever read the output, such as `| head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = 141
    except OSError as error:
        mapped = on_disk(error, Path(str(error.filename or folder)))
        code = mapped.exit_code
        job.error(title_of(script, code), mapped.line())
    except Exception as error:  # noqa: BLE001 - the last line of defence: a defect of ours is said in one line too
        if isinstance(error, UnicodeEncodeError) and error.encoding == "utf-8":
            code, line = 2, not_utf8(error).line()
        else:
            code, line = 4, _defect(job, error)
        job.error(title_of(script, code), line)
    try:
        job.write_outputs()
    except UnicodeEncodeError as error:
        code = code or 2
        job.error(title_of(script, code), not_utf8(error).line())
    except OSError as error:
        code = code or 4
        job.error(title_of(script, code), on_disk(error, Path(str(error.filename))).line())
    return code


def title_of(script: str, code: int) -> str:
    meaning = {1: "refused", 2: "wrong input", 3: "inconclusive", 130: "cancelled"}.get(code, "failed")
    return f"{script.replace('_', '-')}: {meaning}"


def _defect(job: Job, error: Exception) -> str:
    handle, name = tempfile.mkstemp(prefix=f"modelway-{job.script}-", suffix=".txt")
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(job.clean("".join(traceback.format_exception(error))))
    last = traceback.extract_tb(sys.exc_info()[2])[-1]
    return (
        f"unexpected {type(error).__name__} in {Path(last.filename).name}:{last.lineno}: this is a defect of modelway."
        f" Fix: report it with {name}"
    )
