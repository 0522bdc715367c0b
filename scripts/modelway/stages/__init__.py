"""What each action does, in order: the only place where the packages meet.

One module per action stands here. `steps` holds what they do along the way, `rollouts` what drives a rollout.
"""
