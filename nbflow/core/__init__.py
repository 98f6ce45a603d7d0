"""What a workflow is and what should happen next; no clock, no input or output."""
