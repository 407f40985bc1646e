"""What an operator sees: the names of every span and attribute, and the set-up of tracing.

Only the OpenTelemetry API is needed to import this room; the SDK and its exporters are looked for when a standard
`OTEL_` variable asks for them. Nothing here knows sockets, queues or models.
"""
