"""The machine around the daemon: the service manager that is told how it goes, power, heat, sleep."""
