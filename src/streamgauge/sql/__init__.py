"""The ksqlDB manner: statements become the same streams and monitors that YAML makes, for one engine.

See ``docs/sql.md`` for the language.
"""
