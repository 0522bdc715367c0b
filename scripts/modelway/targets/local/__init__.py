"""The local target: server processes behind Envoy on this machine. They outlive the job that started them.

Beside its records its folder holds envoy/ (its configuration), slots/ (what each release's processes read) and logs/.
"""
