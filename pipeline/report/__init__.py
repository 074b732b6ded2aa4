"""What people look at: terminal, pictures, page."""
