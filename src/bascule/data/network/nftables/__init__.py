"""The first engine: one nftables table of maps. Adding a Service is adding elements, never chains of its own."""
