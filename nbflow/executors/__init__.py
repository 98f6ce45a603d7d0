"""Where and how one task is run."""
