"""What built-in types look like, and what follows from it: decoding and checking of bodies, OpenAPI documents."""
