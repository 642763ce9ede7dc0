"""What the server does by itself, whether anybody asks or not: history forgotten, events expired, its lease renewed."""
