"""`python -m evallint.daemon FOLDER IDENTITY`: serves the cache folder until nobody has asked for anything for long."""

import signal
import sys

from evallint.daemon.server import serve

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # and leave nothing behind
    serve(sys.argv[1], sys.argv[2])
