"""The team's own code, which the model needs where it is served."""
