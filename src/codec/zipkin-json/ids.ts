import { readText, SpanFault, shown } from './json-value.ts';

const hex = /^[0-9a-f]+$/;
const zeros = /^0+$/;
const sixteenZeros = '0000000000000000';

function readHex(value: unknown, path: string, maxDigits: number): string {
  const text = readText(value, path);
  if (text.length > 0 && text.length <= maxDigits && hex.test(text)) {
    return text;
  }
  const problem = text === '' ? 'is empty' : `is ${shown(text)}`;
  throw new SpanFault(path, `${problem}; expected 1 to ${maxDigits} lower-case hex digits`);
}

/** 16 or 32 digits: padded to the next of both, and cut to 16 where the high half is zeros. Throws SpanFault. */
export function readTraceId(value: unknown, path: string): string {
  const text = readHex(value, path, 32);
  const whole = text.length === 32 || text.length === 16 ? text : text.padStart(text.length > 16 ? 32 : 16, '0');
  const id = whole.length === 32 && whole.startsWith(sixteenZeros) ? whole.slice(16) : whole;
  if (id === sixteenZeros) {
    throw new SpanFault(path, 'is all zeros');
  }
  return id;
}

/** 16 digits. Throws SpanFault. */
export function readSpanId(value: unknown, path: string): string {
  const text = readHex(value, path, 16);
  if (zeros.test(text)) {
    throw new SpanFault(path, 'is all zeros');
  }
  return text.length === 16 ? text : text.padStart(16, '0');
}

/** 16 digits; zeros, and the span's own id, mean that there is no parent. Throws SpanFault. */
export function readParentId(value: unknown, path: string, spanId: string): string | undefined {
  if (value === undefined || value === null) {
    return undefined;
  }
  const text = readHex(value, path, 16);
  const id = text.length === 16 ? text : text.padStart(16, '0');
  return id === sixteenZeros || id === spanId ? undefined : id;
}
