"""The release bundle and the OCI image that it becomes; and the way back, from a layout to folders that can run."""
