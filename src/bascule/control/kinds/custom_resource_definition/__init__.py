"""CustomResourceDefinition: its rules, which are many; the kind itself is `kinds.custom_resource_definitions`."""
