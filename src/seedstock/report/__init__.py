"""One self-contained page that a person understands in a minute."""
