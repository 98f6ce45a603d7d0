"""What may stand next in a line, for a shell and for a notebook."""
