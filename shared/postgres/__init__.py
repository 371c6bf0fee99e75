"""PostgreSQL: pool, named queries and shared tables."""
