"""One way to run a graph of tiny tasks a module; each has `run(graph)`."""
