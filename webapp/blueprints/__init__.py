"""Features: one folder each, read in the order routes, forms, queries, templates."""
