"""What is stored: registrations, operations and their results, workspaces; and what looks after it."""
