"""`pi auth`: logging in and out in a terminal, and telling programs what opens a provider."""
