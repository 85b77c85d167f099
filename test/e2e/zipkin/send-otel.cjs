/** Sends a trace with OpenTelemetry's own SDK and its Zipkin exporter: node send-otel.cjs URL. Prints the trace id. */
const { createRequire } = require('node:module');
const { ZipkinExporter } = require('@opentelemetry/exporter-zipkin');

// The SDK that the exporter itself depends on.
const ofExporter = createRequire(require.resolve('@opentelemetry/exporter-zipkin'));
const { BatchSpanProcessor, TracerProvider } = ofExporter('@opentelemetry/sdk-trace');
const ofSdk = createRequire(ofExporter.resolve('@opentelemetry/sdk-trace'));
const { resourceFromAttributes } = ofSdk('@opentelemetry/resources');
const { context, SpanKind, SpanStatusCode, trace } = ofSdk('@opentelemetry/api');

async function main() {
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'otel-shop', 'deployment.environment': 'test' }),
    spanProcessors: [new BatchSpanProcessor({ exporter: new ZipkinExporter({ url: process.argv[2] }) })],
  });
  const tracer = provider.getTracer('shop', '1.2.3');
  const attributes = { 'http.route': '/orders', retries: 2 };
  const order = tracer.startSpan('POST /orders', { kind: SpanKind.SERVER, attributes });
  const under = trace.setSpan(context.active(), order);
  const query = tracer.startSpan('SELECT', { kind: SpanKind.CLIENT }, under);
  query.addEvent('connected');
  query.setStatus({ code: SpanStatusCode.ERROR, message: 'deadlock' });
  query.end();
  tracer.startSpan('price', {}, under).end();
  order.end();
  await provider.shutdown();
  console.log(order.spanContext().traceId);
}

void main();
