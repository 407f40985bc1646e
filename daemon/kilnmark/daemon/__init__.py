"""The daemon: the socket, its connections, the queue of renders and the worker process seen from outside.

Neither mlx nor mflux is imported here; the worker owns them, so that this process answers whatever a render does.

    main ── settings, socket
      ├── connection ── exchange             one client, one request
      │     └── dispatch ── methods, accept  the table, what each method does, a request understood
      └── renders ── jobs, spans, outcome    what becomes of an accepted render
            ├── queue ── turn                who waits, and whose turn it is
            ├── prepare                      what the disk is asked before a job can be painted
            │     └── recall ── recipe, files, results   pictures made before, and when one is the answer again
            └── worker ── process, deadline  the process that owns the base
"""
