"""Flights from New York in 2013, as a worked example of nbflow on real data."""
