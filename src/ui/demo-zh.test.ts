import { expect, test } from '@jest/globals';
import { presetsOf } from '../demo/switches/presets.ts';
import { placesToLook } from './demo-looks.ts';
import { demoZh } from './demo-zh.ts';
import { hashOf, routeOf } from './route.ts';

const names = presetsOf('default').map(({ name }) => name);

test('every switch says in Chinese too what it does', () => {
  expect(Object.keys(demoZh)).toEqual(names);
});

test('every switch has places to look at, whose links lead there', () => {
  for (const name of names) {
    const looks = placesToLook(name, 'prod');
    expect([name, looks.length]).not.toEqual([name, 0]);
    for (const { route } of looks) {
      expect(routeOf(hashOf(route))).toEqual(route);
    }
  }
});
