import { isAscii } from 'node:buffer';
import { BridgeError } from '../../contract/errors.ts';
import { DigitsWanted, NumberLiteral, SpanFault, within } from './json-value.ts';

/** What is known of a body without keeping what it says. */
export type SpanListCheck =
  | {
      readonly ok: true;
      readonly items: number;
      /** The list alone: without white space before it and whatever stands behind it. */
      readonly payload: Uint8Array;
      /** Every member is one of this format; others have not been looked for. */
      readonly pure?: true;
    }
  | {
      readonly ok: false;
      /** Spans that were in the list; 1 where that cannot be told. */
      readonly items: number;
      readonly reason: string;
    };

interface ParsedList {
  readonly elements: readonly unknown[];
  readonly payload: Uint8Array;
}

type Parse = (text: string) => unknown;
/** The third parameter of a reviver holds the digits (ECMA-262, JSON.parse source text access). */
type Reviver = (key: string, value: unknown, context?: { readonly source?: string }) => unknown;

const keepDigits: Reviver = (_key, value, context) =>
  typeof value === 'number' ? new NumberLiteral(context?.source ?? String(value)) : value;

const parseWithDigits: Parse = (text) => JSON.parse(text, keepDigits as (key: string, value: unknown) => unknown);
const parsePlain: Parse = (text) => JSON.parse(text);

const quote = 0x22;
const backslash = 0x5c;
const opening = 0x5b;

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** The place of the quote that ends the text that begins at `start`. */
function endOfText(bytes: Uint8Array, start: number): number {
  let index = start + 1;
  while (index < bytes.length && bytes[index] !== quote) {
    index += bytes[index] === backslash ? 2 : 1;
  }
  return index;
}

/** Behind the bracket that closes the list, or -1. */
function endOfList(bytes: Uint8Array): number {
  let depth = 0;
  for (let index = 0; index < bytes.length; index += 1) {
    const byte = bytes[index];
    if (byte === quote) {
      index = endOfText(bytes, index);
    } else if (byte === opening || byte === 0x7b) {
      depth += 1;
    } else if (byte === 0x5d || byte === 0x7d) {
      depth -= 1;
      if (depth === 0) {
        return index + 1;
      }
    }
  }
  return -1;
}

function textOf(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return buffer.toString(isAscii(buffer) ? 'latin1' : 'utf8');
}

function messageOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);
}

/** The list at the beginning of `bytes`. What follows it is ignored, as Zipkin's own reader does. Throws SpanFault. */
function parseList(bytes: Uint8Array, parse: Parse): ParsedList {
  let start = 0;
  while (isSpace(bytes[start])) {
    start += 1;
  }
  const trimmed = start === 0 ? bytes : bytes.subarray(start);
  if (trimmed[0] !== opening) {
    throw new SpanFault('', 'is not a list of spans, which begins with [');
  }
  try {
    return { elements: parse(textOf(trimmed)) as readonly unknown[], payload: trimmed };
  } catch (error) {
    const end = endOfList(trimmed);
    if (end < 0 || end === trimmed.length) {
      throw new SpanFault('', `is not JSON: ${messageOf(error)}`);
    }
    const payload = trimmed.subarray(0, end);
    try {
      return { elements: parse(textOf(payload)) as readonly unknown[], payload };
    } catch (second) {
      throw new SpanFault('', `is not JSON: ${messageOf(second)}`);
    }
  }
}

function eachElement<T>(elements: readonly unknown[], visit: (element: unknown) => T): T[] {
  return elements.map((element, index) => {
    try {
      return visit(element);
    } catch (error) {
      throw within(`[${index}]`, error);
    }
  });
}

/** Runs `use` on the list, a second time with the digits of all numbers if `use` asks for them. */
function withList<T>(bytes: Uint8Array, use: (list: ParsedList) => T): T {
  try {
    return use(parseList(bytes, parsePlain));
  } catch (error) {
    if (!(error instanceof DigitsWanted)) {
      throw error;
    }
    return use(parseList(bytes, parseWithDigits));
  }
}

function faultText(fault: SpanFault): string {
  return `$${fault.path} ${fault.message}`;
}

/** Reads each element of a JSON list. Throws BRIDGE_DECODE, whose message names the JSON path. */
export function decodeList<T>(bytes: Uint8Array, read: (element: unknown) => T): readonly T[] {
  try {
    return withList(bytes, ({ elements }) => eachElement(elements, read));
  } catch (error) {
    if (error instanceof SpanFault) {
      throw new BridgeError('BRIDGE_DECODE', faultText(error));
    }
    throw error;
  }
}

/** What can be read of a list whose elements are not all good. */
export interface Salvage<T> {
  readonly good: readonly T[];
  readonly bad: number;
  /** Of the first bad one; undefined where all are good. */
  readonly reason: string | undefined;
}

/** Reads each element by itself. Throws BRIDGE_DECODE where there is no list of elements at all. */
export function salvageList<T>(bytes: Uint8Array, read: (element: unknown) => T): Salvage<T> {
  try {
    return withList(bytes, ({ elements }) => {
      const good: T[] = [];
      let reason: string | undefined;
      for (const [index, element] of elements.entries()) {
        try {
          good.push(read(element));
        } catch (error) {
          if (!(error instanceof SpanFault)) {
            throw error;
          }
          reason ??= faultText(new SpanFault(`[${index}]${error.path}`, error.message));
        }
      }
      return { good, bad: elements.length - good.length, reason };
    });
  } catch (error) {
    if (error instanceof SpanFault) {
      throw new BridgeError('BRIDGE_DECODE', faultText(error));
    }
    throw error;
  }
}

/** As `decodeList`, but keeps nothing and answers with a value. */
export function checkList(bytes: Uint8Array, read: (element: unknown) => unknown): SpanListCheck {
  let items = 1;
  try {
    return withList(bytes, ({ elements, payload }) => {
      items = Math.max(1, elements.length);
      eachElement(elements, read);
      return { ok: true, items: elements.length, payload };
    });
  } catch (error) {
    if (error instanceof SpanFault) {
      return { ok: false, items, reason: faultText(error) };
    }
    throw error;
  }
}
