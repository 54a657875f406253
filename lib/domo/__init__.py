"""domo: uses the solar energy that full batteries leave over, one relay at a time."""
