"""ClickHouse's engine behind an HTTP server of our own.

The engine is the real one (chdb); the HTTP interface is what this file makes of it: POST /?query=...&SETTING=... with the rest of
the query as the body, which may be compressed. Statements run one after the other. Exceptions are answered with the code in
X-ClickHouse-Exception-Code and a status as ClickHouse chooses it. One user, if one is named.

chdb-server.py DATA_DIR PORT [USER PASSWORD]
"""

import re
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from chdb import session

DATA_DIR, PORT = sys.argv[1], int(sys.argv[2])
LOGIN = tuple(sys.argv[3:5])
ENGINE = session.Session(DATA_DIR)
ENGINE_LOCK = threading.Lock()

# Parameters that are no settings of the query.
OF_HTTP = {"query", "database", "default_format", "wait_end_of_query"}
SUFFIXES = {"zstd": ".zst", "gzip": ".gz"}
STATUSES = {
    400: {6, 25, 26, 27, 36, 38, 41, 53, 62, 72, 117, 407},
    401: {194},
    403: {192, 193, 497, 516},
    404: {16, 47, 60, 81, 115},
    413: {229},
}


def status_of(code):
    return next((status for status, codes in STATUSES.items() if code in codes), 500)


def literal(value):
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def run(parameters, body, coding):
    """A query of its own is the body; rows are read from a file, compressed as they came, with the settings in the statement."""
    query = dict(parameters).get("query", "")
    if not query:
        return ENGINE.query(body.decode(), "TabSeparated").bytes()
    settings = ", ".join(f"{name} = {literal(value)}" for name, value in parameters if name not in OF_HTTP)
    with tempfile.NamedTemporaryFile(dir=DATA_DIR, suffix=SUFFIXES.get(coding, ".rows")) as file:
        file.write(body)
        file.flush()
        source = f" FROM INFILE {literal(file.name)}" + (f" SETTINGS {settings}" if settings else "")
        insert, _, name = query.rpartition(" FORMAT ")
        return ENGINE.query(f"{insert}{source} FORMAT {name}").bytes()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(200, b"Ok.\n")

    def do_POST(self):
        expected = int(self.headers.get("Content-Length", "0"))
        body = self.rfile.read(expected)
        if len(body) < expected:
            self.close_connection = True
            return
        given = (self.headers.get("X-ClickHouse-User", "default"), self.headers.get("X-ClickHouse-Key", ""))
        if LOGIN and given != LOGIN:
            return self.fail(516, f"{given[0]}: Authentication failed: password is incorrect. (AUTHENTICATION_FAILED)")
        parameters = parse_qsl(urlsplit(self.path).query, keep_blank_values=True)
        try:
            with ENGINE_LOCK:
                result = run(parameters, body, self.headers.get("Content-Encoding"))
        except Exception as error:
            text = str(error)
            code = re.search(r"Code: (\d+)", text)
            return self.fail(int(code.group(1)) if code else 1001, text)
        self.answer(200, result or b"")

    def fail(self, code, text):
        said = text if text.startswith("Code: ") else f"Code: {code}. DB::Exception: {text}"
        self.answer(status_of(code), said.encode("utf-8", "replace"), {"X-ClickHouse-Exception-Code": str(code)})

    def answer(self, status, body, headers={}):
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body)), "X-ClickHouse-Summary": "{}"}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        pass


ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
