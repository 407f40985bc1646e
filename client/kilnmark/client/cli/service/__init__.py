"""The daemon as a service of systemd or launchd: what is written for them, what they are asked."""
