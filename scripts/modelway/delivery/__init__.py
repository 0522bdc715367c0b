"""How well releases reach an environment, by its ledger and the journals of its rollouts."""
