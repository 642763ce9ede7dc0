"""What every installation starts with, as tables. `access.bootstrap` turns them into objects."""
