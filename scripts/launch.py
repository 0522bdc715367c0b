"""The launcher's second half, started by `run`: make the script's tool environment if it is not there, then become it.

Standard library only, and only what start-up can afford: this is paid by every step.
"""

from __future__ import annotations

import os
import sys

SCRIPTS = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, SCRIPTS)

from modelway.errors import InvalidInput, ModelwayError  # noqa: E402 - after the path is known

USAGE = """usage: scripts/run SCRIPT [flags]
       scripts/run --in ENVIRONMENT PROGRAM [arguments]    (of requirements/ENVIRONMENT.txt)

scripts: {scripts}
"""

START = (
    "import gc, sys; gc.set_threshold(50_000); sys.path.insert(0, {scripts!r});"
    " import {script}; sys.exit({script}.main())"
)
"""Nothing of what an import makes is garbage, though Python would look through it for some after every 700 objects."""


def main() -> int:
    """Only a failure returns: where all goes well, this process becomes the script."""
    try:
        if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
            print(USAGE.format(scripts=", ".join(known_scripts())))
            return 0 if len(sys.argv) > 1 else 2
        if sys.argv[1] == "--in" and len(sys.argv) > 3:
            become_program(sys.argv[2], sys.argv[3], sys.argv[4:])
        script = sys.argv[1].replace("-", "_")
        if script not in known_scripts():
            raise InvalidInput(
                f"there is no script {sys.argv[1][:100]!r}",
                where="scripts/run",
                fix=f"use one of {', '.join(known_scripts())}",
            )
        become(script, sys.argv[2:])
        return 0
    except ModelwayError as error:
        return said(error)
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 141
    except OSError as error:
        fix = "free some space, or set MODELWAY_HOME to a folder that may be written"
        return said(InvalidInput(str(error.strerror), where=str(error.filename), fix=fix))
    except KeyboardInterrupt:
        return 130


def said(error: ModelwayError) -> int:
    """The failure in one line, and its exit code. modelway.ci says it elsewhere, but needs msgspec, which is not here yet;
    so this is the one place outside it that asks where it runs."""
    line = " ".join(error.line().split())
    if os.environ.get("GITHUB_ACTIONS") == "true":
        print(f"::error title=modelway::{line.replace('%', '%25')}", flush=True)
    else:
        print(f"error: modelway: {line}", file=sys.stderr, flush=True)
    return error.exit_code


def become_program(name: str, program: str, arguments: list[str]) -> None:
    """For the project's own work: a program of the environment that requirements/NAME.txt locks, first on PATH."""
    from modelway.environments import home, store, tools

    home.check_platform()
    python = store.interpreter(tools.requirements_file(name), sys.executable)
    folder = os.path.dirname(python)
    environ = home.without_python_settings(os.environ)
    environ["MODELWAY_BASE_PYTHON"] = sys.executable
    environ["PATH"] = f"{folder}:{environ.get('PATH', '/usr/bin:/bin')}"
    os.execve(os.path.join(folder, program), [program, *arguments], environ)


def known_scripts() -> list[str]:
    return sorted(name[:-3] for name in os.listdir(SCRIPTS) if name.endswith(".py") and name != "launch.py")


def become(script: str, arguments: list[str]) -> None:
    from modelway.environments import home, store, tools

    home.check_platform()
    name = tools.environment_of(script)
    python = store.interpreter(tools.requirements_file(name), sys.executable)
    environ = home.without_python_settings(os.environ)
    environ["MODELWAY_BASE_PYTHON"] = sys.executable
    start = START.format(scripts=SCRIPTS, script=script)
    # -X utf8: what is said and read is UTF-8, as GitHub takes it, whatever the locale of the machine
    os.execve(python, [python, "-I", "-u", "-X", "utf8", "-c", start, *arguments], environ)


if __name__ == "__main__":
    sys.exit(main())
