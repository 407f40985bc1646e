"""The daemon: the socket, its connections, the queue of renders and the worker process seen from outside.

Neither mlx nor mflux is imported here; the worker owns them, so that this process answers whatever a render does.

    main       the process: settings in, signals heard, an exit status
    daemon     put together, started, served, drained, ended
    in_process the same in a thread of a test, with a fake worker
    clock      the two clocks
    settings   what the process is started with, read from JSON
    methods    the table, and what each method does
    spans      its own spans
    wire       the socket, one client's connection, one request's way to its reply
    asked      a request understood: names known, choices made, files found
    jobs       what was accepted, whose turn it is, and how each ends
    pictures   pictures made before, and when one is the answer again
    worker     the process that owns the base
"""
