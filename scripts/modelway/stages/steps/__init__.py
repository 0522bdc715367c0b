"""What use cases do along the way: the workspace they run in, and the parts that several of them share."""
