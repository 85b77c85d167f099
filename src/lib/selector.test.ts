import { describe, expect, test } from '@jest/globals';
import { parseSelector, type Selector } from './selector.ts';

function selector(text: string): Selector {
  const { selector: parsed, fault } = parseSelector(text);
  if (parsed === undefined) {
    throw new Error(`${fault.message} at ${fault.at}`);
  }
  return parsed;
}

function matches(text: string, labels: Readonly<Record<string, string | readonly string[]>>): boolean {
  return selector(text).matches((name) => labels[name]);
}

describe('a selector', () => {
  test('is read with all four operators, quotes of every kind, names in quotes and with dots', () => {
    const text = '{ namespace="prod", pod=~"reviews-.*" , app!="x", `k8s.pod/x`!~\'a|b\', service.name="\\u0041", }';
    expect(selector(text).matchers).toEqual([
      { name: 'namespace', op: '=', value: 'prod' },
      { name: 'pod', op: '=~', value: 'reviews-.*' },
      { name: 'app', op: '!=', value: 'x' },
      { name: 'k8s.pod/x', op: '!~', value: 'a|b' },
      { name: 'service.name', op: '=', value: 'A' },
    ]);
  });

  test.each([
    ['namespace="prod"', 0, 'a selector begins with {, such as {namespace="prod"}, and here is namespace="prod"'],
    ['', 0, 'a selector begins with {, such as {namespace="prod"}, and here is the end'],
    ['{namespace="prod"', 17, 'a comma or } is wanted, and here is the end'],
    ['{namespace=prod}', 11, 'behind namespace= a text in quotes is wanted, and here is prod}'],
    ['{namespace:"prod"}', 10, 'behind namespace one of =, !=, =~ and !~ is wanted, and here is :"prod"}'],
    ['{="prod"}', 1, 'the name of a label is wanted, and here is ="prod"}'],
    ['{a="b" c="d"}', 7, 'a comma or } is wanted, and here is c="d"}'],
    ['{a="b"} |= "x"', 8, 'nothing may follow the selector, and here is |= "x"'],
    ['{a="\\q"}', 3, '"\\q" has an escape that is none'],
    ['{,}', 1, 'the name of a label is wanted, and here is ,}'],
  ])('%j is refused at %i: %s', (text, at, message) => {
    expect(parseSelector(text)).toEqual({ fault: { at, message } });
  });

  test('with an expression that RE2 does not know is refused where it stands', () => {
    const { fault } = parseSelector('{a="b", pod=~"(?=x)"}');
    expect(fault?.at).toBe(13);
    expect(fault?.message).toMatch(/^"\(\?=x\)" is no regular expression of RE2: /);
  });

  test('matches whole values, and what lacks a label has the value of nothing', () => {
    expect(matches('{pod=~"reviews"}', { pod: 'reviews-1' })).toBe(false);
    expect(matches('{pod=~"reviews-.*"}', { pod: 'reviews-1\n2' })).toBe(true);
    expect(matches('{pod=~"(?P<all>.*)-1"}', { pod: 'reviews-1' })).toBe(true);
    expect(matches('{pod!="x"}', {})).toBe(true);
    expect(matches('{pod=""}', {})).toBe(true);
    expect(matches('{pod=~".+"}', {})).toBe(false);
    expect(matches('{}', {})).toBe(true);
  });

  test('of several values wants one for what is asked, and all for what is not', () => {
    const services = { service: ['reviews', 'ratings'] };
    expect(matches('{service="ratings"}', services)).toBe(true);
    expect(matches('{service!="ratings"}', services)).toBe(false);
    expect(matches('{service!~"details|x"}', services)).toBe(true);
    expect(matches('{service=""}', { service: [] })).toBe(true);
  });

  test('says no as soon as one condition fails, and unknown where a label is', () => {
    const known = new Map([['namespace', 'prod']]);
    const verdict = (text: string): string => selector(text).verdict((name) => known.get(name));
    expect(verdict('{namespace="prod"}')).toBe('yes');
    expect(verdict('{namespace="dev", path="/x"}')).toBe('no');
    expect(verdict('{path="/x", namespace="dev"}')).toBe('no');
    expect(verdict('{namespace="prod", path!="/x"}')).toBe('unknown');
    expect(verdict('{}')).toBe('yes');
  });
});
