"""Running a service: settings, logs and metrics."""
