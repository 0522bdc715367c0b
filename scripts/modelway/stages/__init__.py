"""What each script does, in order: the only place where the packages meet. One module per stage."""
