"""What ingest does with what comes through its doors."""
