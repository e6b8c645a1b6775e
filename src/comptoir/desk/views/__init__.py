"""The agent's screens, one module a screen. Views are thin: load, call a service, draw."""
