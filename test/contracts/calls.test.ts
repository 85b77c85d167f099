import { globSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { expect, test } from '@jest/globals';

const root = join(import.meta.dirname, '../..');
const suites = { inputs: 'describeInput', outputs: 'describeOutput', codec: 'describeCodec' } as const;

/** Codecs that are no `Decoder`, and what shows them instead. */
const ofAnotherShape: Readonly<Record<string, string>> = {
  'access-log': 'takes fields out of any line, or tells that it is none: its own test',
  cri: 'reads one line into a slot of its caller: its own test',
  'docker-json': 'reads one line into a slot of its caller: its own test',
  items: 'reads and writes plain JSON of every signal: its own test',
  jaeger: 'only writes: protobufjs reads it back in its own test',
  ndjson: 'only writes',
  points: 'only writes: protobufjs reads it back in its own test',
  'remote-write': 'writes what protobufjs reads back, and reads what protobufjs writes: its own tests',
};

const tests = globSync(['src/{inputs,outputs,codec}/**/*.test.ts', 'test/contracts/*.test.ts'], { cwd: root }).map(
  (file) => ({ file, text: readFileSync(join(root, file), 'utf8') }),
);

function componentsOf(room: string): readonly string[] {
  return globSync(`src/${room}/*/`, { cwd: root }).map((folder) => basename(folder));
}

/** Called in the component's own folder, or in test/contracts by a test that imports from that folder. */
function isHeldTo(suite: string, room: string, component: string): boolean {
  return tests.some(({ file, text }) => {
    const isOwn = dirname(file) === join('src', room, component);
    const isElsewhere = dirname(file) === join('test', 'contracts') && text.includes(`/src/${room}/${component}/`);
    return (isOwn || isElsewhere) && new RegExp(`^${suite}(<.*>)?\\(`, 'm').test(text);
  });
}

test.each(Object.entries(suites))('every component of src/%s is held to its contract by %s', (room, suite) => {
  const components = componentsOf(room);
  const not = components.filter((component) => !isHeldTo(suite, room, component));
  expect(components.length).toBeGreaterThanOrEqual(3);
  expect(not.sort()).toEqual(room === 'codec' ? Object.keys(ofAnotherShape).sort() : []);
});

test('the embedded store is held to its contract', () => {
  const text = readFileSync(join(root, 'src/store/embedded/embedded-store.test.ts'), 'utf8');
  expect(text).toMatch(/^describeStore\(/m);
});
