"""Engines: each opens a source as a `modelway.data.questions.Table` and counts. DuckDB is the one there is; another
(Spark, a warehouse) is a module beside it with the same `open_table`."""
