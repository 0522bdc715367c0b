"""The files of a source as DuckDB may see them."""

from __future__ import annotations

from pathlib import Path

from modelway.data.dialect import CsvDialect
from modelway.data.json_text import without_mark
from modelway.data.plain_text import as_plain_text
from modelway.data.sources import Source


def linked(source: Source, folder: Path, dialect: CsvDialect) -> dict[str, Path]:
    """A link for each file, so that no character of its name means anything to DuckDB (a pattern, a URL); or its plain text,
    where it is compressed, not UTF-8, or JSON with a byte order mark; of Arrow the same rows as Parquet."""
    folder.mkdir()
    links: dict[str, Path] = {}
    if source.format == "arrow":
        from modelway.data import workers  # most data is of another format

        links = {str(folder / f"{at:06d}.parquet"): file for at, file in enumerate(source.files)}
        asked = {"files": [[str(file.resolve()), link] for link, file in links.items()]}
        workers.fetched("arrow", asked, source.name, lambda _: None, {}, "free some space in the temporary folder")
        return links
    for at, file in enumerate(source.files):
        link = folder / f"{at:06d}.{source.format}"
        if not _written_plain(source, file, link, dialect):
            link.symlink_to(file.resolve())
        links[str(link)] = file
    return links


def _written_plain(source: Source, file: Path, link: Path, dialect: CsvDialect) -> bool:
    if source.format == "csv":
        return as_plain_text(file, link, dialect.encoding, source.label(file))
    return source.format == "jsonl" and (
        as_plain_text(file, link, "utf-8", source.label(file)) or without_mark(file, link)
    )
