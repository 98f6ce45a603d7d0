"""What a task costs in nbflow and in other programs, measured in turn in one run."""
