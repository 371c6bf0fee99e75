"""The operator's commands: `python -m deploy.operations`."""
