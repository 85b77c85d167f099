"""Sends a trace with the tracer py-zipkin: python send-py-zipkin.py URL ENCODING. Prints the trace id."""
import sys
import urllib.request

from py_zipkin import Encoding, Kind
from py_zipkin.transport import BaseTransportHandler
from py_zipkin.util import generate_random_128bit_string
from py_zipkin.zipkin import ZipkinAttrs, zipkin_client_span, zipkin_span

TYPES = {"V1_THRIFT": "application/x-thrift", "V2_PROTO3": "application/x-protobuf"}
url, name = sys.argv[1:3]


class Transport(BaseTransportHandler):
    def get_max_payload_bytes(self):
        return None

    def send(self, payload):
        body = payload if isinstance(payload, bytes) else payload.encode()
        headers = {"content-type": TYPES.get(name, "application/json")}
        with urllib.request.urlopen(urllib.request.Request(url, body, headers)) as answer:
            if answer.status != 202:
                sys.exit("HTTP %d" % answer.status)


attributes = ZipkinAttrs(generate_random_128bit_string(), "00000000000000aa", None, "0", True)
with zipkin_span(
    service_name="py-" + name.lower().replace("_", "-"),
    span_name="GET /cart",
    zipkin_attrs=attributes,
    transport_handler=Transport(),
    encoding=Encoding[name],
    kind=Kind.SERVER,
    host="10.0.0.1",
    port=8080,
    binary_annotations={"http.path": "/cart?a=ü"},
):
    with zipkin_client_span(service_name="py-" + name.lower().replace("_", "-"), span_name="get") as call:
        call.update_binary_annotations({"error": "timeout"})
        call.add_annotation("cache miss")
        call.add_sa_binary_annotation(port=6379, service_name="redis", host="10.0.0.9")
print(attributes.trace_id)
