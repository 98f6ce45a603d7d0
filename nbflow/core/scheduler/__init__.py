"""The deciding side: commands in, a reply and events out; it knows ids, never tasks."""
