"""What the analyses of other tools decide: their manifests, their rules as their code has them, and how often each is wrong.

A guest's YAML is read for what it does to a canary; nothing of it is run.
"""
