"""The daemon: the socket, its connections, the queue of renders and the worker process seen from outside.

Neither mlx nor mflux is imported here; the worker owns them, so that this process answers whatever a render does.

    main ── settings, socket
      ├── connection ── exchange             one client, one request
      │     └── dispatch ── methods, accept  the table, what each method does, a request understood
      └── renders ── queue, spans, outcome   what becomes of an accepted render
            └── worker ── process, deadline  the process that owns the base
"""
