import { describe, expect, test } from '@jest/globals';
import { NodePods } from './node-pods.ts';
import { type Pod, podOf } from './pod.ts';

function pod(uid: string, annotations: Readonly<Record<string, string>> = {}): Pod {
  const found = podOf({ metadata: { uid, name: uid, namespace: 'prod', annotations }, spec: {} });
  if (found === undefined) {
    throw new Error('it is no pod');
  }
  return found;
}

describe('the pods of this node', () => {
  test('are found by their uid, and those of files by the hash of their configuration', () => {
    const pods = new NodePods();
    pods.put(pod('u1'));
    pods.put(pod('mirror', { 'kubernetes.io/config.hash': 'c0ffee' }));
    expect([pods.find('u1')?.uid, pods.find('c0ffee')?.uid, pods.find('mirror')?.uid]).toEqual([
      'u1',
      'mirror',
      'mirror',
    ]);
    expect(pods.find('u2')).toBeUndefined();
    expect(pods.revision).toBe(2);
  });

  test('are known for a while after they went, but not all of them for ever', () => {
    const pods = new NodePods();
    for (let i = 0; i < 600; i++) {
      pods.put(pod(`u${i}`, { 'kubernetes.io/config.hash': `h${i}` }));
      pods.remove(`u${i}`);
    }
    expect([pods.find('u599')?.uid, pods.find('h599')?.uid]).toEqual(['u599', 'u599']);
    expect([pods.find('u0'), pods.find('h0')]).toEqual([undefined, undefined]);
  });

  test('that come back are those that came back', () => {
    const pods = new NodePods();
    pods.put(pod('u1', { a: '1' }));
    pods.remove('u1');
    pods.put(pod('u1', { a: '2' }));
    expect(pods.find('u1')?.annotations).toEqual({ a: '2' });
  });
});
