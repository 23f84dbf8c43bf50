"""What the project keeps in SQL: one engine for SQLite and PostgreSQL, transactions, tables with a version."""
