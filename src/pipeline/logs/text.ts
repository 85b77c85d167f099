/** `bytes[start .. end)`: a line without its newline. */
export interface Text {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** A view; nothing is copied. */
export function bufferOf({ bytes, start, end }: Text): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
}

export function wholeText(bytes: Uint8Array): Text {
  return { bytes, start: 0, end: bytes.length };
}

/** The first bytes as characters of one byte each: enough to tell what a line is. */
export function beginOf(text: Text, longest: number): string {
  return bufferOf({ ...text, end: Math.min(text.end, text.start + longest) }).toString('latin1');
}
