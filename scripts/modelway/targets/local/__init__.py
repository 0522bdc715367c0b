"""The local target: server processes behind Envoy on this machine. They outlive the job that started them.

All that is known of it is below one folder: target.json (what runs, and what ran), lease.json (who may act), journal/ (every
rollout), envoy/ (its configuration), slots/ (what each release's processes read), logs/.
"""
