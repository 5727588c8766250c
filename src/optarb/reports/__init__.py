"""What a book came to: figures, tables and explanations."""
