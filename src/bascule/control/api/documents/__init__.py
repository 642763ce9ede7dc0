"""What the server tells about itself: discovery, OpenAPI, health, metrics."""
