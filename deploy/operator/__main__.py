"""`python -m deploy.operator` runs a command."""

from deploy.operator.cli import app

if __name__ == "__main__":
    app()
