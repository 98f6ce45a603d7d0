"""Faces of other workflow systems over nbflow's own parts."""
