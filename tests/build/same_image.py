"""Run by each Python in turn, on another date: builds the image of a folder that make_kit filled, and prints its digests.

argv: scripts/, tests/, the kit's folder, the layout, the time to pretend, in seconds since 1970.
"""

import datetime
import hashlib
import json
import os
import sys
import time

sys.path[:0] = sys.argv[1:3]
pretended = float(sys.argv[5])
time.time = lambda: pretended
time.time_ns = lambda: int(pretended * 1e9)


class Pretended(datetime.datetime):
    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> "Pretended":
        return cls.fromtimestamp(pretended, tz)

    @classmethod
    def utcnow(cls) -> "Pretended":
        return cls(1999, 1, 1)


datetime.datetime = Pretended  # type: ignore[misc]
os.environ["TZ"] = "Pacific/Kiritimati" if pretended > 2e9 else "America/Adak"
time.tzset()

from pathlib import Path  # noqa: E402

from build.kit import PYTHON, Kit  # noqa: E402
from modelway.build import lock  # noqa: E402
from modelway.build.platforms import this_machine  # noqa: E402

folder = Path(sys.argv[3])
lock.REQUIREMENTS = folder / "requirements"
trained = (folder / "trained.txt").read_text()
kit = Kit(folder, folder / "wheelhouse", folder / "model", trained, this_machine(PYTHON))
made = kit.build(Path(sys.argv[4]))
document = hashlib.sha256(kit.document(made)).hexdigest()
print(json.dumps([made.config_digest, made.manifest.digest, document, [layer.diff_id for layer in made.layers]]))
