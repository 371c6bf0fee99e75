"""The operator's commands: `python -m deploy.operator`."""
