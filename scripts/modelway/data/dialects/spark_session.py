"""pyspark and sqlglot: what the checks ask of Parquet files, counted in a Spark session of this process."""

from __future__ import annotations

import atexit
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from modelway.data.dialects import Uncounted, Untranslatable, translated
from modelway.data.dialects.spark import TOO_EARLY, TOO_LONG, TYPES, Spark, named

VIEW = "modelway_rows"
JAVA = 17
"""The oldest that Spark 4 runs with."""
CLUSTER_SECONDS = 90
"""Until a worker of a cluster has to be there."""
LOOK_SECONDS = 1.0
SCHEME = "^file:/+"
"""Spark writes it in two ways."""
SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.caseSensitive": "true",
    "spark.sql.parquet.binaryAsString": "false",
    "spark.sql.parquet.int96AsTimestamp": "true",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.int96RebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.filterPushdown": "false",
    "spark.sql.subexpressionElimination.skipForShortcutExpr": "true",
    "spark.sql.files.ignoreCorruptFiles": "false",
    "spark.sql.files.ignoreMissingFiles": "false",
    "spark.sql.catalogImplementation": "in-memory",
    "spark.sql.legacy.parquet.nanosAsLong": "false",
}
"""Of every session, whatever a cluster's own defaults are: values are read as DuckDB reads them, and no file is left out."""


class NoJava(RuntimeError):
    """No Java that Spark runs with."""


class NoCluster(RuntimeError):
    """A cluster that cannot be reached, or has nobody who works."""


class _Session:
    spark: Any = None
    dialect = Spark({}, {})
    relation = ""


def answer(asked: Mapping[str, Any]) -> Any:
    """asked: first master, memory_mb, folder (for all that Spark writes), files, columns and parts (see
    modelway.data.engines.spark); then sql, DuckDB's, and its values, of which the rows are told.
    Uncounted where Spark does not count as DuckDB does."""
    if "master" in asked:
        if _Session.spark is None:
            _end_with_parent(Path(asked["folder"]))
            _Session.spark = _started(asked["master"], int(asked["memory_mb"]), Path(asked["folder"]))
        return _opened(asked["files"], asked["columns"], asked["parts"])
    try:
        done = translated(asked["sql"], asked["values"], _Session.relation, _Session.dialect)
        values = {name: _literal(value) for name, value in named(done.values).items()}
        return [list(row) for row in _Session.spark.sql(done.text, args=values).collect()]
    except Untranslatable as error:
        raise Uncounted(f"Spark has no words for {error}") from None


def in_our_words(error: Exception) -> Exception:
    """What Spark or Java says, as what it means here."""
    if isinstance(error, Uncounted | NoJava | NoCluster):
        return error
    message = str(error)
    for limit in (TOO_LONG, TOO_EARLY):
        if limit in message:
            return Uncounted(f"the engine spark does not tell {limit}, which a check reads")
    if "StackOverflowError" in message and "regex" in message:
        return Uncounted("a pattern goes too deep for Java on one of the values")
    if "FILE_NOT_EXIST" in message or "FileNotFoundException" in message:
        return NoCluster("a machine of the cluster does not see the file at this path")
    return RuntimeError(_reason(message))


def _reason(message: str) -> str:
    """The line of Java's many that says why."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    caused = [line for line in lines if line.startswith("Caused by:")]
    first = caused[-1] if caused else lines[0] if lines else "for no reason that it tells"
    return re.sub(r"^(Caused by: )?([\w$]+\.)+[\w$]+: ", "", first)


def _started(master: str, memory_mb: int, folder: Path) -> Any:
    """All that it writes is in the folder."""
    _check_java()
    os.chdir(folder)
    os.environ["TMPDIR"] = str(folder)
    tempfile.tempdir = str(folder)
    for name in ("SPARK_HOME", "PYSPARK_SUBMIT_ARGS", "SPARK_REMOTE"):
        os.environ.pop(name, None)
    os.environ["SPARK_LOCAL_DIRS"] = str(folder)
    from pyspark.sql import SparkSession

    options = f"-Djava.io.tmpdir={folder} -XX:-UsePerfData"
    settings = {
        **SETTINGS,
        "spark.driver.memory": f"{memory_mb}m",
        "spark.local.dir": str(folder),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.driver.extraJavaOptions": options,
    }
    is_local = master.startswith("local")
    if is_local:
        settings["spark.sql.shuffle.partitions"] = str(os.cpu_count() or 1)
    if is_local or re.search(r"//(localhost|127\.0\.0\.1|\[::1\])[:,]", master):
        settings |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    builder = SparkSession.builder.master(master).appName("modelway").config(map=settings)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    if not is_local:
        _await_worker(spark)
    return spark


def _await_worker(spark: Any) -> None:
    """Without one, Spark would wait for ever."""
    until = time.monotonic() + CLUSTER_SECONDS
    while spark.sparkContext._jsc.sc().getExecutorMemoryStatus().size() < 2:  # the first is this process
        if time.monotonic() > until:
            raise NoCluster(f"no worker of the cluster took the work in {CLUSTER_SECONDS} s")
        time.sleep(0.2)


def _check_java() -> None:
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
    if java is None:
        raise NoJava(f"there is no Java {'in $JAVA_HOME' if home else 'here'}, which Spark runs in")
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(?:1\.)?(\d+)', said)
    if found is None or int(found[1]) < JAVA:
        raise NoJava(f"Spark runs in Java {JAVA} or newer, and {java} is {found[1] if found else 'of no version'}")


def _opened(
    files: Sequence[Sequence[Any]], columns: Sequence[Sequence[str]], parts: Sequence[Sequence[str | None]]
) -> None:
    from pyspark.sql.functions import broadcast, col, regexp_replace
    from pyspark.sql.types import StructField, StructType

    spark = _Session.spark
    kinds = {at: kind for at, (_, physical) in enumerate(columns) if (kind := _type_of(physical))}
    fields = [StructField(columns[at][0], _data_type(kind)) for at, kind in kinds.items()]
    rows = spark.read.schema(StructType(fields)).parquet(*(path for path, _, _ in files))
    found = {unquote(urlsplit(address).path): re.sub(SCHEME, "/", address) for address in rows.inputFiles()}
    missing = next((path for path, _, _ in files if path not in found), None)
    if missing is not None:
        raise NoCluster(f"Spark does not read {Path(missing).name}")
    listed = [
        [found[path], link, before, *(values[at] for values in parts)] for at, (path, link, before) in enumerate(files)
    ]
    names = ["address", "modelway_file", "before", *(f"c{len(columns) + at}" for at in range(len(parts)))]
    kinds_of = ["string", "string", "bigint", *["string"] * len(parts)]
    known = spark.createDataFrame(
        listed, ", ".join(f"{name} {kind}" for name, kind in zip(names, kinds_of, strict=True))
    )
    about = rows.metadataColumn("_metadata")
    own = [col(_quoted(columns[at][0])).alias(f"c{at}") for at in kinds]
    numbered = rows.select(
        *own,
        regexp_replace(about.getField("file_path"), SCHEME, "/").alias("address"),
        about.getField("row_index").alias("nth"),
    )
    joined = numbered.join(broadcast(known), "address")
    joined.createOrReplaceTempView(VIEW)
    shown = [f"c{at}" for at in kinds] + names[3:]
    _Session.relation = f"SELECT {', '.join([*shown, 'modelway_file'])}, before + nth + 1 AS modelway_nth FROM {VIEW}"
    known_kinds = {f"c{at}": physical for at, (_, physical) in enumerate(columns)}
    unread = {f"c{at}": physical for at, (_, physical) in enumerate(columns) if at not in kinds}
    _Session.dialect = Spark({**known_kinds, **dict.fromkeys(names[3:], "VARCHAR")}, unread)


def _type_of(physical: str) -> str:
    return physical.lower() if physical.startswith("DECIMAL") else TYPES.get(physical, "")


def _data_type(kind: str) -> Any:
    from pyspark.sql.types import _parse_datatype_string

    return _parse_datatype_string(kind)


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _literal(value: Any) -> Any:
    """(A whole number beyond 64 bits is a decimal.)"""
    if isinstance(value, int) and not isinstance(value, bool) and not -(1 << 63) <= value < 1 << 63:
        return Decimal(value)
    return value


def _end_with_parent(folder: Path) -> None:
    """Where the process that asks was killed, Spark ends, and nothing that it wrote stays."""
    parent = os.getppid()

    def end() -> None:
        gateway = _Session.spark.sparkContext._gateway if _Session.spark else None
        if gateway is not None:
            gateway.proc.kill()
            gateway.proc.wait()
        shutil.rmtree(folder, ignore_errors=True)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_SECONDS)
        end()
        os.killpg(os.getpgrp(), signal.SIGKILL)

    atexit.register(end)  # where nothing was asked, and its input ends
    threading.Thread(target=watch, daemon=True).start()
