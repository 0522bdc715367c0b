"""pyspark: what is counted of Parquet files in Spark."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from modelway.data.workers import Described, message_of

JAVA = "install Java 17 or newer, such as Debian's openjdk-17-jre-headless, or set JAVA_HOME"


def answer(asked: Mapping[str, Any], say: Callable[[str], None]) -> Any:
    """See modelway.data.dialects.spark_session."""
    from modelway.data.dialects import spark_session

    return spark_session.answer(asked)


def described(error: Exception) -> Described:
    from modelway.data.dialects import Uncounted
    from modelway.data.dialects.spark_session import NoCluster, NoJava, in_our_words

    error = in_our_words(error)
    message = message_of(error)
    if isinstance(error, Uncounted):
        return {"error": message, "user": True, "fix": "use the engine duckdb, or leave that check out"}
    if isinstance(error, NoJava):
        return {"error": message, "user": True, "fix": JAVA}
    if isinstance(error, NoCluster):
        return {"error": message, "user": False}
    return {"error": f"Spark failed: {message}", "user": False}
