import { expect, test } from '@jest/globals';
import { InputBook } from './input-books.ts';
import { Telemetry } from './telemetry.ts';

test('a counter shows what was added, and the same labels give the same counter', async () => {
  const telemetry = new Telemetry();
  telemetry.counter('meshbridge_x_total', 'X.', { input: 'a' }).add(2);
  telemetry.counter('meshbridge_x_total', 'X.', { input: 'a' }).add(3);
  telemetry.counter('meshbridge_x_total', 'X.', { input: 'b' }).add(1);
  const page = await telemetry.render();
  expect(page).toContain('meshbridge_x_total{input="a"} 5\n');
  expect(page).toContain('meshbridge_x_total{input="b"} 1\n');
});

test('observed numbers are read anew for each page', async () => {
  const telemetry = new Telemetry();
  let queued = 1;
  telemetry.observe({ kind: 'gauge', name: 'meshbridge_q', help: 'Q.', labels: ['signal'] }, () => [
    { labels: { signal: 'logs' }, value: queued },
  ]);
  expect(await telemetry.render()).toContain('meshbridge_q{signal="logs"} 1\n');
  queued = 7;
  expect(await telemetry.render()).toContain('meshbridge_q{signal="logs"} 7\n');
});

test('two daemons in one process keep their own numbers', async () => {
  const [one, other] = [new Telemetry(), new Telemetry()];
  one.counter('meshbridge_x_total', 'X.').add(4);
  other.counter('meshbridge_x_total', 'X.').add(9);
  expect(await one.render()).toContain('meshbridge_x_total 4\n');
});

test('the books of an input balance', () => {
  const book = new InputBook('inputs.zipkin[0]', 'zipkin', 'traces');
  book.accepted(10);
  book.refused(2, 'malformed');
  book.refused(1, 'queue_full');
  book.dropped(3, 'sampled');
  expect(book.status()).toMatchObject({
    received: 16,
    accepted: 10,
    refused: { malformed: 2, queue_full: 1 },
    dropped: { sampled: 3 },
  });
});
