"""What a user is told when something stops: one line, an exit code, and the fix.

Every expected failure is raised as one of these and turned into a single annotation by `modelway.ci.run`; anything else that
escapes is a defect of ours and is reported as such.
"""

from __future__ import annotations


class ModelwayError(Exception):
    """A failure with one line for the user.

    what: what was wrong, naming the thing. where: file and line, key or input. fix: what to do about it.
    """

    exit_code = 4

    def __init__(self, what: str, *, where: str = "", fix: str = "", title: str = "") -> None:
        """title: what the annotation is headed with, where the exit code's own word (refused, failed) says too little."""
        self.what, self.where, self.fix, self.title = what, where, fix, title
        super().__init__(self.line())

    def line(self, said_by: str = "") -> str:
        """said_by: the action whose name stands before it already."""
        where = f"{self.where}: " if self.where not in ("", said_by) else ""
        return f"{where}{self.what.removesuffix('.')}. Fix: {self.fix}" if self.fix else f"{where}{self.what}"

    def as_said(self, what: str, fix: str | None = None) -> ModelwayError:
        """A failure of the same kind in other words, such as of whom it is. fix: the same where none is given."""
        known = (one for one in type(self).__mro__ if issubclass(one, ModelwayError) and one.__module__ == __name__)
        return next(known)(what, where=self.where, fix=self.fix if fix is None else fix, title=self.title)


class Refused(ModelwayError):
    """The answer is no: a verdict that fails, a promotion that lost its race. Exit code 1."""

    exit_code = 1


class InvalidInput(ModelwayError):
    """An input, a file or the configuration is wrong: the user can mend it. Exit code 2."""

    exit_code = 2


class Inconclusive(ModelwayError):
    """The evidence decides neither way and the policy does not either. Exit code 3."""

    exit_code = 3


class OutsideFailure(ModelwayError):
    """A system outside (registry, network, disk) failed after retries. Exit code 4."""

    exit_code = 4


class CancelledByUser(ModelwayError):
    """Somebody stopped the command. Exit code 130."""

    exit_code = 130


class Defect(ModelwayError):
    """A failure that nobody expected: ours. Exit code 4."""
