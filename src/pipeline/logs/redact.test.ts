import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { StepsRig, stepped } from '../../../test/fakes/log-steps.ts';
import { candidatesIn } from './candidates.ts';
import { rulesOfSet } from './redaction-rules.ts';
import { type Redaction, redactionSets } from './settings.ts';

/** The line without what the sets and patterns find. */
function redacted(redact: readonly Redaction[], line: string | Uint8Array): string {
  return stepped({ redact }, [line])[0]?.text ?? '';
}

const jwt =
  'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U';
const key = '-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\nq83v\n-----END RSA PRIVATE KEY-----';
/** Written apart, so that nobody who looks for keys takes them for some. */
const github = `ghp_${'a1B2c3D4e5F6g7H8i9J0'.repeat(2)}`;
const aws = `AKIA${'IOSFODNN7EXAMPLE'}`;
const google = `AIza${'SyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY'}`;

describe('secrets', () => {
  test.each([
    [`GET / authorization: Bearer ${jwt}`, 'GET / authorization: Bearer [redacted:authorization]'],
    ['using Bearer abcdef0123456789abcdef now', 'using Bearer [redacted:bearer] now'],
    ['Authorization: Basic dXNlcjpwYXNz', 'Authorization: Basic [redacted:authorization]'],
    ['{"authorization":"Basic dXNlcjpwYXNz","a":1}', '{"authorization":"Basic [redacted:authorization]","a":1}'],
    [
      '{\\"Authorization\\":\\"Bearer abcdef0123456789\\"}',
      '{\\"Authorization\\":\\"Bearer [redacted:authorization]\\"}',
    ],
    [`session ${jwt}; next`, 'session [redacted:jwt]; next'],
    [`key ${aws} used`, 'key [redacted:aws-key] used'],
    [`maps?key=${google}&x=1`, 'maps?key=[redacted:google-key]&x=1'],
    [`clone with ${github}`, 'clone with [redacted:access-token]'],
    [`${key} loaded`, '[redacted:private-key] loaded'],
    [JSON.stringify({ pem: key }), '{"pem":"[redacted:private-key]"}'],
    ['-----BEGIN PRIVATE KEY-----', '[redacted:private-key]'],
    ['postgres://app:s3cr3t@db:5432/x', 'postgres://app:[redacted:url-password]@db:5432/x'],
    ['redis://:s3cr3t@cache:6379', 'redis://:[redacted:url-password]@cache:6379'],
    ['password=hunter2 user=joe', 'password=[redacted:password] user=joe'],
    ['PGPASSWORD: "hun ter2", x', 'PGPASSWORD: "[redacted:password]", x'],
    ['{"db_password":"a\\"b","n":1}', '{"db_password":"[redacted:password]","n":1}'],
    ['{"pin":1,"passcode": 1234}', '{"pin":1,"passcode": "[redacted:password]"}'],
    ['{"m":"{\\"password\\":\\"a b\\",\\"n\\":1}"}', '{"m":"{\\"password\\":\\"[redacted:password]\\",\\"n\\":1}"}'],
    ["api_key = 'abc def' more", "api_key = '[redacted:password]' more"],
    ['aws_secret_access_key=wJalrXUtnFEMI/K7MDENG', 'aws_secret_access_key=[redacted:password]'],
    ['clientSecret: abc', 'clientSecret: [redacted:password]'],
    ['?access_token=abcdef123&x=1', '?access_token=[redacted:token]&x=1'],
    ['{"refreshToken":"abc"}', '{"refreshToken":"[redacted:token]"}'],
    ['密码 password=秘密àb 尾', '密码 password=[redacted:password] 尾'],
  ])('%s', (line, wanted) => {
    expect(redacted(['secrets'], line)).toBe(wanted);
  });

  test.each([
    'password reset for joe',
    'password: null, token=false',
    'max_tokens=4096 token: 12',
    'the secret is out',
    'http://user@example.com/path',
    'https://example.com:8080/a@b',
    'Basic authentication failed',
    'bearer of bad news',
    'eyJ is how they begin',
    'tokenizer=abc keyboard=us monkey: 3',
    'ASIANS AKIAK AIza',
    '2026-11-21T09:39:00.123Z INFO [main] c.e.Orders - processed order 42 for user 7 in 3 ms',
  ])('leaves alone: %s', (line) => {
    expect(redacted(['secrets'], line)).toBe(line);
  });

  test('a private key over many lines is one record, of which nothing is left', () => {
    const lines = ['loading', ...key.replace('\nMIIE', '\nProc-Type: 4,ENCRYPTED\n\nMIIE').split('\n'), 'loaded'];
    expect(stepped({ redact: ['secrets'] }, lines).map(({ text }) => text)).toEqual([
      'loading',
      '[redacted:private-key]',
      'loaded',
    ]);
  });

  test('a private key that is cut off ends where the lines look otherwise', () => {
    const lines = ['-----BEGIN EC PRIVATE KEY-----', 'MIIEpAIBAAKCAQEA', '2026-11-21 09:39:00 INFO next'];
    expect(stepped({ redact: ['secrets'] }, lines).map(({ text }) => text)).toEqual([
      '[redacted:private-key]',
      '2026-11-21 09:39:00 INFO next',
    ]);
  });

  test('JSON stays JSON', () => {
    const value = {
      password: 'a"b\\',
      nested: { token: 123456789012, secret: 'x\ny' },
      text: '{"api_key":"a\\"b"}',
      n: 1,
    };
    const parsed: typeof value = JSON.parse(redacted(['secrets'], JSON.stringify(value)));
    expect(parsed).toMatchObject({
      password: '[redacted:password]',
      nested: { token: '[redacted:token]', secret: '[redacted:password]' },
      n: 1,
    });
  });

  test('what is of the set `tokens` alone leaves passwords', () => {
    expect(redacted(['tokens'], `password=x session ${jwt}`)).toBe('password=x session [redacted:jwt]');
  });

  test('bytes that are no UTF-8 stay as they are around it', () => {
    const rig = new StepsRig({ redact: ['secrets'] });
    rig.take(Buffer.from('ff00fe2070617373776f72643d78', 'hex'));
    expect(rig.texts).toEqual(['\ufffd\0\ufffd password=[redacted:password]']);
  });

  test('each is counted by its rule', () => {
    const rig = new StepsRig({ redact: ['secrets', 'cards'] });
    rig.take(`password=a password=b ${aws} 4111 1111 1111 1111`);
    const count = (rule: string) => rig.meter.value('meshbridge_log_redacted_total', { rule });
    expect([count('password'), count('aws-key'), count('card'), count('jwt')]).toEqual([2, 1, 1, 0]);
  });
});

describe('cards', () => {
  test.each([
    ['paid with 4111111111111111.', 'paid with [redacted:card].'],
    ['paid with 4111 1111 1111 1111 42', 'paid with [redacted:card] 42'],
    ['5500-0000-0000-0004', '[redacted:card]'],
    ['"pan":"340000000000009"', '"pan":"[redacted:card]"'],
    ['6011000000000004 30000000000004', '[redacted:card] [redacted:card]'],
  ])('%s', (line, wanted) => {
    expect(redacted(['cards'], line)).toBe(wanted);
  });

  test.each([
    '4111111111111112',
    '1763717940123 1763717940123456',
    '0a4111111111111111111111',
    '3.4111111111111111',
    'trace 4111111111111111222233334444',
    '2026-11-21 09:39:00 2026-11-22',
    '0af7651916cd43dd8448eb211c80319c',
  ])('leaves alone: %s', (line) => {
    expect(redacted(['cards'], line)).toBe(line);
  });
});

test('e-mail addresses are a set of their own', () => {
  expect(redacted(['emails'], 'from joe.doe+x@mail.example.com to root@localhost')).toBe(
    'from [redacted:email] to root@localhost',
  );
});

describe('patterns of users', () => {
  test('replace with a mark of their name, or with what is given', () => {
    expect(redacted([{ name: 'customer', pattern: 'cust-\\d+' }], 'a cust-1 b cust-22')).toBe(
      'a [redacted:customer] b [redacted:customer]',
    );
    expect(
      redacted([{ name: 'ip', pattern: '(\\d+\\.\\d+)\\.\\d+\\.\\d+', replacement: '$1.x.x' }], 'from 10.1.2.3'),
    ).toBe('from 10.1.x.x');
  });

  test('a name with a dollar is text', () => {
    expect(redacted([{ name: 'a$1', pattern: '(b)' }], 'abc')).toBe('a[redacted:a$1]c');
  });

  test('one that is none is refused with its place', () => {
    expect(() => new StepsRig({ redact: ['cards', { name: 'x', pattern: '(' }] })).toThrow(
      /^redact\[1\]\.pattern: "\("/,
    );
  });

  test('one that would never end elsewhere ends here', () => {
    expect(redacted([{ name: 'x', pattern: '(a+)+$' }], `${'a'.repeat(50_000)}b`)).toHaveLength(50_001);
  });
});

test('what the quick look passes over, no rule would find', () => {
  const rules = redactionSets.flatMap((set) => rulesOfSet[set]);
  const part = fc.oneof(
    fc.constantFrom(
      jwt,
      key,
      github,
      aws,
      google,
      'password=',
      'Token: ',
      'Bearer ',
      'authorization:',
      'a://b:c@d',
      'sk-',
      'xoxb-',
    ),
    fc.constantFrom(
      '4111 1111 1111 1111',
      '5500000000000004',
      'joe@example.com',
      'credentials"\\": ',
      'passphrase=',
      'passcode: ',
      'pwd=',
      'client_secret=',
      'passwd:',
      'api-key=',
      'glpat-',
      'npm_',
    ),
    fc.string({ unit: fc.constantFrom(...'abkpsxoyJKI_-:=@" \\.0149'), maxLength: 30 }),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
      const line = parts.join('');
      const found = candidatesIn(Buffer.from(`..${line}..`), 2, 2 + Buffer.byteLength(line));
      for (const { name, pattern, candidate } of rules) {
        pattern.lastIndex = 0;
        expect({ name, missed: pattern.test(line) && (found & candidate) === 0 }).toEqual({ name, missed: false });
        pattern.lastIndex = 0;
      }
    }),
    { numRuns: 2_000 },
  );
});

test('the longest lines take no more than their length', () => {
  const lines = [
    'password=',
    'a://',
    'a:',
    '"',
    '\\',
    '-----BEGIN RSA PRIVATE KEY-----',
    '4 ',
    '1111',
    'eyJ',
    'a@',
    'token"\\',
    '-',
  ];
  for (const line of lines) {
    redacted(['secrets', 'cards', 'emails'], line.repeat(100_000));
  }
  expect(lines).toHaveLength(12);
}, 20_000);
