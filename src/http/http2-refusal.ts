/** How every HTTP/2 connection with prior knowledge begins (RFC 9113 §3.4). */
const preface = 'PRI * HTTP/2.0\r\n';
const frame = { settings: 4, goAway: 7 } as const;
const http11Required = 0xd;
const text =
  'This port speaks HTTP/1.1. gRPC is taken on ports of its own: Jaeger queries on 16685, OTLP on 4317 ([server] jaeger_grpc_listen, otlp_grpc_listen).';

/** Did the parser of HTTP/1 fail at somebody who speaks HTTP/2? */
export function isHttp2(error: Error & { readonly rawPacket?: unknown }): boolean {
  const { rawPacket } = error;
  return rawPacket instanceof Uint8Array && Buffer.from(rawPacket).toString('latin1').startsWith(preface);
}

function frameOf(type: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  return Buffer.concat([head, payload]);
}

/** Tells a client of HTTP/2, in HTTP/2, that this port is not for it (GOAWAY with HTTP_1_1_REQUIRED: RFC 9113 §6.8, §7). */
export function http2Refusal(): Buffer {
  const reason = Buffer.alloc(8);
  reason.writeUInt32BE(http11Required, 4);
  return Buffer.concat([
    frameOf(frame.settings, new Uint8Array()),
    frameOf(frame.goAway, Buffer.concat([reason, Buffer.from(text)])),
  ]);
}
