"""The task side: tasks, parameters, targets and how they are found by name."""
