import { expect, test } from '@jest/globals';
import { type EndedSpan, OwnTracer } from './own-tracer.ts';

function tracer(sampling = 1): { readonly tracer: OwnTracer; readonly ended: EndedSpan[] } {
  const ended: EndedSpan[] = [];
  return { tracer: new OwnTracer({ sampling, take: (span) => ended.push(span) }), ended };
}

const nothing = async (): Promise<void> => undefined;

test('spans stand below the one on whose behalf they begin, also beside others that run at once', async () => {
  const { tracer: own, ended } = tracer();
  const both = ['a', 'b'].map((name) =>
    own.span({ name, kind: 'server' }, async () => {
      await new Promise((resolve) => setImmediate(resolve));
      await own.span({ name: `${name}1`, kind: 'internal' }, nothing);
    }),
  );
  await Promise.all(both);
  const by = (name: string) => ended.find((span) => span.name === name);
  for (const name of ['a', 'b']) {
    expect(by(`${name}1`)?.parentId).toBe(by(name)?.id);
    expect(by(`${name}1`)?.traceId).toBe(by(name)?.traceId);
    expect(by(name)?.parentId).toBeUndefined();
  }
  expect(by('a')?.traceId).not.toBe(by('b')?.traceId);
  expect(ended.every(({ traceId, id }) => /^[0-9a-f]{32}$/.test(traceId) && /^[0-9a-f]{16}$/.test(id))).toBe(true);
});

test('the work begins at once, and its result or its fault is what comes back', async () => {
  const { tracer: own, ended } = tracer();
  let begun = false;
  const result = own.span({ name: 'a', kind: 'client', attributes: { k: 1 } }, async (span) => {
    begun = true;
    span.set('more', 'x');
    return 5;
  });
  expect(begun).toBe(true);
  expect(await result).toBe(5);
  await expect(
    own.span({ name: 'b', kind: 'client' }, async () => {
      throw new Error('broke');
    }),
  ).rejects.toThrow('broke');
  expect(ended).toEqual([
    expect.objectContaining({ name: 'a', kind: 'client', attributes: { k: 1, more: 'x' } }),
    expect.objectContaining({ name: 'b', failure: 'broke' }),
  ]);
  expect(ended[0]).not.toHaveProperty('failure');
});

test('of what is done quietly, and of what is not sampled, nothing is told', async () => {
  const { tracer: own, ended } = tracer();
  await own.quietly(() => own.span({ name: 'a', kind: 'server' }, nothing));
  const none = tracer(0);
  await none.tracer.span({ name: 'a', kind: 'server' }, (span) => {
    span.fail('unheard');
    return none.tracer.span({ name: 'b', kind: 'internal' }, nothing);
  });
  expect([ended, none.ended]).toEqual([[], []]);
});

test('the share that is sampled is of whole traces', async () => {
  const { tracer: own, ended } = tracer(0.5);
  for (let i = 0; i < 400; i++) {
    await own.span({ name: 'above', kind: 'server' }, () => own.span({ name: 'below', kind: 'internal' }, nothing));
  }
  const count = (name: string) => ended.filter((span) => span.name === name).length;
  expect(count('below')).toBe(count('above'));
  expect(count('above')).toBeGreaterThan(120);
  expect(count('above')).toBeLessThan(280);
});

test('own spans are known by their bytes', () => {
  const { tracer: own } = tracer();
  expect(own.isOwn(Buffer.from('[{"tags":{"meshbridge.self":"span"}}]'))).toBe(true);
  expect(own.isOwn(Buffer.from('[{"localEndpoint":{"serviceName":"meshbridge"}}]'))).toBe(false);
});
