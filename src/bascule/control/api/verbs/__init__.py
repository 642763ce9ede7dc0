"""One file for each verb, and what only verbs need."""
