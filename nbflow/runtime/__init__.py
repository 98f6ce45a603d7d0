"""What makes a run go forward: plan, worker, service."""
