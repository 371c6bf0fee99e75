"""`python -m deploy.operations` runs a command."""

from deploy.operations.cli import app

if __name__ == "__main__":
    app()
