"""Running the team's own training command, and closing its MLflow run whatever happens."""
