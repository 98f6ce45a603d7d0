"""How tasks, plans and runs look: one drawing for magics, widgets, command line and pages."""
