"""What may serve: adapters promoted and demoted."""
