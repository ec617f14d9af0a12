"""The command of scim2-server as it is, with a second port on which its own dump of the resources is served."""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from scim2_server.testserver import cli

port, token = int(sys.argv[1]), sys.argv[2]
storages = []


class Remembered(cli.InMemoryStorage):
    def __init__(self, *args, **named):
        super().__init__(*args, **named)
        storages.append(self)


class Dump(BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps([one for storage in storages for one in cli.dump_resources(storage)]).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


cli.InMemoryStorage = Remembered
threading.Thread(target=ThreadingHTTPServer(("127.0.0.1", port + 1), Dump).serve_forever, daemon=True).start()
sys.argv = ["scim2-server", "--hostname", "127.0.0.1", "--port", str(port), "--bearer-token", token]
cli.main()
