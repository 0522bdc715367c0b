"""Where releases run: each target carries out a rollout's acts (`rollout.run.Target`), and decides nothing."""
