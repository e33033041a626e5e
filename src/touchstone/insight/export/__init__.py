"""A session as Parquet files for polars and DuckDB: every table, each column with a unit and a meaning."""
