"""What performance is measured with: programs that print a ratio against a named baseline of the same run."""
