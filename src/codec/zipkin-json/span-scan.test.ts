import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readSpan } from './span.ts';
import { checkList } from './span-list.ts';
import { SpanScan } from './span-scan.ts';

const envoy = join(process.env['MESHBRIDGE_SHARED'] ?? '../shared', 'samples', 'envoy');
const bodies = ['zipkin-v2-json', 'zipkin-v2-json-gateway'].flatMap((folder) =>
  readdirSync(join(envoy, folder))
    .filter((file) => file.endsWith('.body'))
    .map((file) => readFileSync(join(envoy, folder, file))),
);

function scan(bytes: Uint8Array): number {
  return new SpanScan(bytes).run();
}

/** What the scan vouches for must be what the reader says; of what it does not vouch for it says nothing. */
function agrees(bytes: Uint8Array): boolean {
  const items = scan(bytes);
  if (items < 0) {
    return true;
  }
  const list = checkList(bytes, readSpan);
  return list.ok && list.items === items && list.payload.length === bytes.length;
}

const ids = '"traceId":"000000000000000a","id":"000000000000000b"';

describe('The scan of a list of spans', () => {
  test('vouches for every body of a real Envoy', () => {
    expect(bodies.length).toBeGreaterThan(0);
    for (const body of bodies) {
      expect(scan(body)).toBe(JSON.parse(body.toString()).length);
    }
  });

  test.each([
    ['texts beyond ASCII', `[{${ids},"name":"支付","tags":{"城市":"杭州"}}]`],
    ['escapes of one character', String.raw`[{${ids},"tags":{"a\"b":"c\\d\/\n"}}]`],
    ['empty endpoints, tags and annotations', `[{${ids},"localEndpoint":{},"tags":{},"annotations":[]}]`],
    ['every member at once', `[{${ids},"parentId":"000000000000000c","kind":"CLIENT","debug":true,"shared":false}]`],
  ])('vouches for %s', (_what, text) => {
    const bytes = Buffer.from(text);
    expect(scan(bytes)).toBe(1);
    expect(agrees(bytes)).toBe(true);
  });

  test.each([
    ['an empty list', '[]'],
    ['white space', `[ {${ids}}]`],
    ['bytes behind the list', `[{${ids}}] `],
    ['an id that is short', '[{"traceId":"a","id":"000000000000000b"}]'],
    ['an id in upper case', '[{"traceId":"000000000000000A","id":"000000000000000b"}]'],
    ['an id of zeros', '[{"traceId":"0000000000000000","id":"000000000000000b"}]'],
    ['a span without id', '[{"traceId":"000000000000000a"}]'],
    ['a member that it does not know', `[{${ids},"extra":1}]`],
    ['a member that comes twice', `[{${ids},"name":"a","name":"b"}]`],
    ['another kind', `[{${ids},"kind":"SERVERS"}]`],
    ['a time with a fraction', `[{${ids},"timestamp":1.5}]`],
    ['a time with a leading zero', `[{${ids},"timestamp":01}]`],
    ['a time past 2^53', `[{${ids},"timestamp":9100000000000000}]`],
    ['a port past 65535', `[{${ids},"localEndpoint":{"port":65536}}]`],
    ['a tag that is a number', `[{${ids},"tags":{"a":1}}]`],
    ['an annotation without time', `[{${ids},"annotations":[{"value":"a"}]}]`],
    ['a control character', `[{${ids},"name":"a\u0001"}]`],
    ['an escape of a code unit', String.raw`[{${ids},"name":"\u0041"}]`],
    ['a comma before the end', `[{${ids},}]`],
    ['an end that is missing', `[{${ids}`],
  ])('does not vouch for %s', (_what, text) => {
    expect(scan(Buffer.from(text))).toBe(-1);
  });

  test('never vouches for what the reader refuses, whatever bytes of a real body are changed', () => {
    const change = fc.record({ at: fc.nat(), byte: fc.nat(255), how: fc.constantFrom('set', 'drop', 'repeat') });
    fc.assert(
      fc.property(fc.constantFrom(...bodies), fc.array(change, { minLength: 1, maxLength: 3 }), (body, changes) => {
        let bytes = Buffer.from(body);
        for (const { at, byte, how } of changes) {
          const place = at % bytes.length;
          const middle = how === 'set' ? [byte] : how === 'drop' ? [] : [bytes[place] ?? 0, bytes[place] ?? 0];
          bytes = Buffer.concat([bytes.subarray(0, place), Buffer.from(middle), bytes.subarray(place + 1)]);
        }
        return agrees(bytes);
      }),
      { numRuns: 2000 },
    );
  });

  test('agrees with the reader about small lists of any members', () => {
    const text = fc.constantFrom(
      '"a"',
      '""',
      '"\\t"',
      '"é"',
      '"0000000000000001"',
      'null',
      '1',
      '0',
      'true',
      '"SERVER"',
    );
    const name = fc.constantFrom(
      'traceId',
      'id',
      'parentId',
      'name',
      'kind',
      'timestamp',
      'duration',
      'debug',
      'shared',
    );
    const endpoint = fc
      .array(fc.tuple(fc.constantFrom('serviceName', 'ipv4', 'ipv6', 'port', 'x'), text), { maxLength: 3 })
      .map((parts) => `{${parts.map(([key, value]) => `"${key}":${value}`).join(',')}}`);
    const member = fc.oneof(
      fc.tuple(name, text).map(([key, value]) => `"${key}":${value}`),
      fc.tuple(fc.constantFrom('localEndpoint', 'remoteEndpoint', 'tags'), endpoint).map(([k, v]) => `"${k}":${v}`),
      endpoint.map((value) => `"annotations":[${value}]`),
      text.map((value) => `"annotations":[{"timestamp":5,"value":${value}}]`),
    );
    const list = fc.array(fc.array(member, { maxLength: 4 }), { maxLength: 2 });
    fc.assert(
      fc.property(list, (spans) =>
        agrees(Buffer.from(`[${spans.map((members) => `{${[ids, ...members].join(',')}}`).join(',')}]`)),
      ),
      { numRuns: 2000 },
    );
  });
});
