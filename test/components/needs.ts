import { describe, test } from '@jest/globals';
import { type ComponentName, component } from './components.ts';

/**
 * Tests that run beside a real component. Where it cannot be had they are skipped by name; with CI=true that is a failure.
 * `body` gets the path that the component's script prints.
 */
export function describeWith(name: ComponentName, body: (path: string) => void): void {
  const found = component(name);
  if ('path' in found) {
    describe(`with a real ${name}`, () => body(found.path));
  } else if (process.env['CI'] === 'true') {
    test(`a real ${name} is there`, () => {
      throw new Error(found.missing);
    });
  } else {
    test.skip(`needs a real ${name}, which is missing (${found.missing})`, () => {});
  }
}
