"""The half year as production would have seen it: what it says of every flight from June on, and, in a file of their own,
labels as they came a week later.

The model that is in production is asked itself, in batches. Labels of the last week are not there yet.

Usage: python demo_labels.py URL DATA FOLDER     (writes FOLDER/asked.csv and FOLDER/labels.csv)
"""

from __future__ import annotations

import csv
import itertools
import json
import sys
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from demo_traffic import COLUMNS

LABEL, TIME = "arrived_late", "departed_at"
TEXTS = ("carrier", "origin", "dest")
ASKED_FROM, LABELS_UNTIL = "2013-06-01", "2013-12-25"
BATCH_ROWS = 5000
TIMEOUT_SECONDS = 30
Row = dict[str, str]


def main() -> None:
    url, data, folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    folder.mkdir(parents=True)
    with (folder / "asked.csv").open("w", newline="") as asked, (folder / "labels.csv").open("w", newline="") as known:
        rows, labels = csv.writer(asked), csv.writer(known)
        labels.writerow(["id", LABEL])
        numbers = itertools.count()
        for batch in batches(data):
            names = [name for name in batch[0] if name != LABEL]
            if asked.tell() == 0:
                rows.writerow(["id", "probability", *names])
            said = predictions(url, batch) if batch[0][TIME] >= ASKED_FROM else [""] * len(batch)
            for row, probability in zip(batch, said, strict=True):
                number = next(numbers)
                rows.writerow([number, probability, *(row[name] for name in names)])
                if probability and row[TIME] < LABELS_UNTIL:
                    labels.writerow([number, row[LABEL]])


def batches(data: Path) -> Iterator[Sequence[Row]]:
    """Rows in order of departure; none of a batch is of both before and after the first day that is asked for."""
    for name in ("train", "test", "live"):
        with (data / f"{name}.csv").open(newline="") as stream:
            for _, rows in itertools.groupby(csv.DictReader(stream), lambda row: row[TIME] >= ASKED_FROM):
                while batch := list(itertools.islice(rows, BATCH_ROWS)):
                    yield batch


def predictions(url: str, batch: Sequence[Row]) -> list[str]:
    """Of each row the probability that it is late."""
    cells = [[value(name, row[name]) for name in COLUMNS] for row in batch]
    body = json.dumps({"dataframe_split": {"columns": COLUMNS, "data": cells}}).encode()
    connection = HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT_SECONDS)
    connection.request("POST", "/invocations", body, {"content-type": "application/json"})
    answer = connection.getresponse()
    said = answer.read()
    if answer.status != HTTPStatus.OK:
        sys.exit(f"error: {url} answered {answer.status}: {said[:300].decode(errors='replace')}")
    return [f"{late:.6f}" for _, late in json.loads(said)["predictions"]]


def value(name: str, text: str) -> str | float | None:
    return text if name in TEXTS else float(text) if text else None


if __name__ == "__main__":
    main()
