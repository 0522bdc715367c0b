"""postgresql://user@host/database?table=schema.table: a table or a view, brought as JSON lines in one consistent reading; by
psycopg, in a process and an environment of its own. The password is found as libpq finds it ($PGPASSWORD, ~/.pgpass)."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import SplitResult, unquote_plus

from modelway.data import workers
from modelway.data.downloads import place_of
from modelway.data.schemes import Say, name_of
from modelway.errors import InvalidInput

SETTINGS = {"PGCONNECT_TIMEOUT": "10", "PGAPPNAME": "modelway"}


def brought(address: SplitResult, say: Say) -> Path:
    shown = name_of(address.geturl())
    server, table = server_and_table(address, shown)
    with place_of(address.geturl()) as folder:
        asked = {"server": server, "table": table, "folder": str(folder)}
        fix = "try again, or look at the server's address"
        return folder / str(workers.fetched("postgresql", asked, shown, say, SETTINGS, fix))


def server_and_table(address: SplitResult, shown: str) -> tuple[str, list[str]]:
    """libpq's address, and the table's name, or that of its schema and its own. InvalidInput where it names none."""
    given = address.query.split("&")
    tables = [unquote_plus(part.partition("=")[2]) for part in given if part.startswith("table=")]
    if len(tables) != 1 or not all(tables[0].split(".", 1)):
        raise InvalidInput("names no table", where=shown, fix="end it in ?table=schema.table")
    rest = "&".join(part for part in given if not part.startswith("table="))  # libpq's own, in which `+` is no space
    return address._replace(query=rest).geturl(), tables[0].split(".", 1)
