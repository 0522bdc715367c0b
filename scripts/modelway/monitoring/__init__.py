"""A model after its rollout: what has changed since it was trained, told once, with a promise about false alarms."""
