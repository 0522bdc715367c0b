"""What init looks at in a repository that knows nothing of modelway, and what it writes there."""
