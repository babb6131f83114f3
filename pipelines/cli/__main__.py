"""`python -m pipelines.cli`: the command, if its script is not on the path."""

from pipelines.cli.main import run_cli

run_cli()
