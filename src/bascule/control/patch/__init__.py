"""The four kinds of patch and the ownership of fields, as pure functions over plain JSON values."""
