"""A share of a data file as test rows: its rows as they are, equal ones together, the same ones each time."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.adoption.split import RowSplit, share_of, split_rows
from modelway.errors import InvalidInput


def divided(folder: Path, name: str, data: bytes, share: float = 0.3) -> tuple[bytes, bytes]:
    (folder / name).write_bytes(data)
    split_rows(RowSplit(name, share), folder / name, folder / "train", folder / "test")
    return (folder / "train").read_bytes(), (folder / "test").read_bytes()


def test_cells_with_breaks_bom_and_foreign_letters_stay_as_they_are(tmp_path: Path) -> None:
    cells = [f'{number},"said ""{number}""\r\nand, more"'.encode() + b",\xe9\r\n" for number in range(200)]
    head = b"\xef\xbb\xbfa,b,c\r\n"
    train, test = divided(tmp_path, "all.csv", head + b"".join(cells))
    for text in (train, test):
        assert text.startswith(head)
    kept = [[cell for cell in cells if cell in text] for text in (train, test)]
    assert sorted(kept[0] + kept[1]) == sorted(cells) and 30 < len(kept[1]) < 90
    assert len(train) + len(test) == 2 * len(head) + sum(map(len, cells))


def test_utf_16_is_not_cut_between_its_bytes(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="is utf-16, and is split as UTF-8 alone"):
        divided(tmp_path, "all.csv", "a,b\n1,2\n".encode("utf-16"))


def test_equal_rows_stay_together_and_a_later_row_moves_no_other(tmp_path: Path) -> None:
    rows = [f"{number % 50},x\n".encode() for number in range(400)]
    train, test = divided(tmp_path, "all.csv", b"a,b\n" + b"".join(rows))
    assert not set(train.splitlines()[1:]) & set(test.splitlines()[1:])
    more_train, more_test = divided(tmp_path, "all.csv", b"a,b\n" + b"".join([*rows, b"77,x\n", b"78,x"]))
    assert more_train.startswith(train) and more_test.startswith(test)


def test_rows_that_differ_by_a_number_of_theirs_alone_stay_together(tmp_path: Path) -> None:
    """As 35 of 227 wines did."""
    for head, of in (
        ("a,b,Id\n", lambda n: f"{n % 60},x,{n}\n"),
        (",PassengerId,a\n", lambda n: f"{n},{7 * n},{n % 60}\n"),
        ("a;b;Id\n", lambda n: f"{n % 60};1,5;{n}\n"),
    ):
        train, test = divided(tmp_path, "all.csv", (head + "".join(map(of, range(400)))).encode())
        delimiter = ";" if ";" in head else ","
        place = head.rstrip().split(delimiter).index("a")
        parts = ((row.decode().split(delimiter) for row in part.splitlines()[1:]) for part in (train, test))
        learned, judged = ({row[place] for row in part} for part in parts)
        assert learned and judged and not learned & judged
        assert len(train.splitlines()) + len(test.splitlines()) == 402
    lines = "".join(f'{{"order_id": {n}, "a": {n % 60}}}\n' for n in range(400))
    train, test = divided(tmp_path, "all.jsonl", lines.encode())
    learned, judged = ({row.split(b'"a"')[1] for row in part.splitlines()} for part in (train, test))
    assert learned and judged and not learned & judged
    source = tmp_path / "all.parquet"
    with duckdb.connect() as connection:
        connection.sql('SELECT i AS id, i % 60 AS "it""s a" FROM range(400) AS made(i)').write_parquet(str(source))
        split_rows(RowSplit(source.name, 0.3), source, tmp_path / "train.parquet", tmp_path / "test.parquet")
        parts = [connection.read_parquet(str(tmp_path / f"{name}.parquet")).fetchall() for name in ("train", "test")]
    learned, judged = ({row[1] for row in part} for part in parts)
    assert learned and judged and not learned & judged and sum(map(len, parts)) == 400


def test_where_all_columns_number_rows_each_row_is_its_own(tmp_path: Path) -> None:
    _, test = divided(tmp_path, "all.csv", b"id,order_id\n" + b"".join(f"{n},{n}\n".encode() for n in range(200)))
    assert 30 < len(test.splitlines()) < 90


def test_json_lines_have_no_header(tmp_path: Path) -> None:
    lines = [f'{{"a": {number}}}\n'.encode() for number in range(100)]
    train, test = divided(tmp_path, "all.jsonl", b"".join(lines))
    assert sorted((train + test).splitlines(keepends=True)) == sorted(lines)


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    source = tmp_path / "it's all.parquet"
    asked = "SELECT i % 700 AS a, TIMESTAMP '2024-01-01' AS t, [i % 700] AS many, i % 700 AS row_ FROM range(1000) AS made(i)"
    with duckdb.connect() as connection:
        connection.sql(asked).write_parquet(str(source))
        split = RowSplit(source.name, 0.25)
        train, test = (tmp_path / name for name in split.names)
        split_rows(split, source, train, test)
        whole, learned, judged = (connection.read_parquet(str(path)) for path in (source, train, test))
        assert whole.types == learned.types == judged.types
        assert sorted(learned.fetchall() + judged.fetchall()) == sorted(whole.fetchall())
        assert not set(learned.select("a").fetchall()) & set(judged.select("a").fetchall())
        assert 150 < judged.shape[0] < 350


@given(st.lists(st.text(alphabet='ab,"\n\r', max_size=6), max_size=30))
def test_no_byte_of_a_row_is_lost(texts: list[str]) -> None:
    import csv
    import io
    import tempfile

    written = io.StringIO()
    csv.writer(written).writerows([["h"], *([text] for text in texts)])
    with tempfile.TemporaryDirectory() as folder:
        try:
            parts = divided(Path(folder), "all.csv", written.getvalue().encode())
        except InvalidInput as error:
            assert "too few rows" in str(error)
            return
    read = [list(csv.reader(io.StringIO(part.decode(), newline="")))[1:] for part in parts]
    assert sorted(read[0] + read[1]) == sorted([text] for text in texts)


def test_a_share_is_told_from_a_file() -> None:
    assert [share_of(said) for said in ("20%", "5 %", "0.25", ".5", "20", "data/20%.csv", "")] == [
        *(0.2, 0.05, 0.25, 0.5),
        *(None, None, None),
    ]
    for said in ("0%", "95%", "0.001"):
        with pytest.raises(InvalidInput):
            share_of(said)
