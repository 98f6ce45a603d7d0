"""What is remembered of runs, and where their logs lie."""
