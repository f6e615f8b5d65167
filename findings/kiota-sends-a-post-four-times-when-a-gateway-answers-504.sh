#!/usr/bin/env bash
# Microsoft's HTTP layer below its Graph clients in Python (microsoft-kiota-http 1.16.0, Python 3.11) repeats a POST by itself.
#
# What happens: a server on loopback takes a POST without a body, does what it asks, and answers 504 with a page, as a
# gateway does that waited too long for the service behind it. The client with the default middleware sends that POST four
# times and returns the last 504. The same holds for 503. Nothing tells the caller that there was more than one.
#
# Why it surprises: a POST is not idempotent (RFC 9110, 9.2.2), and a 504 says nothing of whether the action was executed. An
# action such as a passcode reset, of which the second makes the first code void, runs up to four times for one call.
#
# Seen: "504: 4 POSTs for one call" and "503: 4 POSTs for one call". Exits with 1 if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check microsoft-kiota-http==1.16.0
cat > "$folder/count.py" <<'PYTHON'
import asyncio
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from kiota_http.kiota_client_factory import KiotaClientFactory

STATUS, posts = 504, 0


class Gateway(BaseHTTPRequestHandler):
    def do_POST(self):
        global posts
        posts += 1
        page = b"<html>the gateway waited too long</html>"
        self.send_response(STATUS)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_):
        pass


async def one_call(address):
    client = KiotaClientFactory.create_with_default_middleware()
    return (await client.post(address)).status_code


server = HTTPServer(("127.0.0.1", 0), Gateway)
threading.Thread(target=server.serve_forever, daemon=True).start()
as_seen = True
for STATUS in (504, 503):
    posts = 0
    answered = asyncio.run(one_call(f"http://127.0.0.1:{server.server_port}/v1.0/action"))
    print(f"{answered}: {posts} POSTs for one call")
    as_seen = as_seen and (answered, posts) == (STATUS, 4)
raise SystemExit(0 if as_seen else 1)
PYTHON
"$folder/venv/bin/python" "$folder/count.py"
