/**
 * Sends a trace with the tracer zipkin-js: node send-zipkin-js.cjs URL thrift|json-v1|json-v2. Prints the trace id. Without
 * its HTTP logger, which is a package of its own: spans go as it encodes them.
 */
const { BatchRecorder, ExplicitContext, Tracer, Annotation, InetAddress, jsonEncoder } = require('zipkin');
const thriftEncoder = require('zipkin-encoder-thrift');

const [, , url, dialect] = process.argv;
const dialects = {
  thrift: { encoder: thriftEncoder, type: 'application/x-thrift' },
  'json-v1': { encoder: jsonEncoder.JSON_V1, type: 'application/json' },
  'json-v2': { encoder: jsonEncoder.JSON_V2, type: 'application/json' },
};
const { encoder, type } = dialects[dialect];

/** A list of structs: its type, its length, and the structs as they are. */
function thriftBody(spans) {
  const head = Buffer.alloc(5);
  head.writeUInt8(12, 0);
  head.writeInt32BE(spans.length, 1);
  return Buffer.concat([head, ...spans]);
}

const service = `js-${dialect}`;
const spans = [];
const recorder = new BatchRecorder({ logger: { logSpan: (span) => spans.push(encoder.encode(span)) } });
const tracer = new Tracer({ ctxImpl: new ExplicitContext(), recorder, localServiceName: service, traceId128Bit: true });

const root = tracer.createRootId();
tracer.letId(root, () => {
  tracer.recordServiceName(service);
  tracer.recordRpc('GET /cart');
  tracer.recordBinary('http.path', '/cart?a=b');
  tracer.recordAnnotation(new Annotation.ServerRecv());
  tracer.letId(tracer.createChildId(), () => {
    tracer.recordServiceName(service);
    tracer.recordRpc('get');
    tracer.recordAnnotation(new Annotation.ClientSend());
    tracer.recordAnnotation(
      new Annotation.ServerAddr({ serviceName: 'redis', host: new InetAddress('10.0.0.9'), port: 6379 }),
    );
    tracer.recordMessage('cache miss');
    tracer.recordBinary('error', 'timeout');
    tracer.recordAnnotation(new Annotation.ClientRecv());
  });
  tracer.recordAnnotation(new Annotation.ServerSend());
});

async function main() {
  const body = dialect === 'thrift' ? thriftBody(spans) : `[${spans.join(',')}]`;
  const { status } = await fetch(url, { method: 'POST', headers: { 'content-type': type }, body });
  if (status !== 202) {
    throw new Error(`HTTP ${status}`);
  }
  console.log(root.traceId);
}

void main();
