"""The central scheduler over HTTP; empty until it is built."""
