import { BridgeError } from '../../contract/errors.ts';

/** Compressed flag and length (gRPC over HTTP2, "Length-Prefixed-Message"). */
const prefixBytes = 5;

export interface Message {
  readonly isCompressed: boolean;
  readonly bytes: Buffer;
}

/** A message as it goes over the wire, not compressed. */
export function framed(bytes: Uint8Array): Buffer {
  const message = Buffer.allocUnsafe(prefixBytes + bytes.length);
  message.writeUInt8(0, 0);
  message.writeUInt32BE(bytes.length, 1);
  message.set(bytes, prefixBytes);
  return message;
}

/** The one message of a call. Throws BRIDGE_DECODE for anything else than one whole message. */
export function onlyMessage(body: Buffer): Message {
  if (body.length < prefixBytes) {
    throw new BridgeError('BRIDGE_DECODE', body.length === 0 ? 'the call has no message' : 'the message is cut short');
  }
  const length = body.readUInt32BE(1);
  const left = body.length - prefixBytes - length;
  if (left < 0) {
    throw new BridgeError('BRIDGE_DECODE', 'the message is cut short');
  }
  if (left > 0) {
    throw new BridgeError('BRIDGE_DECODE', 'the call has more than one message, and its method takes one');
  }
  return { isCompressed: body.readUInt8(0) === 1, bytes: body.subarray(prefixBytes) };
}
