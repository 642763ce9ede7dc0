"""The control tower: API server, store, controllers, scheduler and the control end of the bridge."""
