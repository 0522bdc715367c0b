"""What drives a rollout: the environment's target, a plan carried out, and the registry told of it."""
