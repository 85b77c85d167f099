import { describe, expect, test } from '@jest/globals';
import { StepsRig, stepped } from '../../../test/fakes/log-steps.ts';
import { type Multiline, multilineDefaults, traceLanguages } from './settings.ts';

const ofLanguages: Multiline = { by: 'languages', languages: traceLanguages, ...multilineDefaults };
const byDates: Multiline = { by: 'dates', patterns: [], ...multilineDefaults };
const byPattern = (...patterns: string[]): Multiline => ({ by: 'pattern', patterns, ...multilineDefaults });

/** The texts of the records that lines become. */
function recordsOf(multiline: Multiline, lines: readonly string[]): readonly string[] {
  return stepped({ multiline }, lines).map(({ text }) => text);
}

const traces: Readonly<Record<string, string>> = {
  'Java, with causes': `Exception in thread "main" java.lang.IllegalStateException: Could not start
	at com.example.Main.run(Main.java:42)
	at com.example.Main.main(Main.java:12)
	Suppressed: java.io.IOException: close
		at com.example.Pool.close(Pool.java:9)
Caused by: java.net.ConnectException: Connection refused (Connection refused)
	at java.base/java.net.PlainSocketImpl.socketConnect(Native Method)
	... 12 more
Caused by: org.postgresql.util.PSQLException: no
	... 4 common frames omitted`,
  'Java, behind a line of a log': `2026-11-21 09:39:00.123 ERROR 1 --- [nio-8080-exec-1] o.a.c.c.C.[dispatcherServlet] : Servlet.service() failed
java.lang.NullPointerException: Cannot invoke "String.length()" because "s" is null
	at com.example.Foo.bar(Foo.java:7) ~[classes!/:1.0]
	at java.base/java.lang.Thread.run(Thread.java:840) ~[na:na]`,
  'Java, on the line of a log': `09:39:00.123 [main] WARN c.e.App - java.io.IOException: Broken pipe
	at sun.nio.ch.FileDispatcherImpl.write0(Native Method)`,
  Python: `Traceback (most recent call last):
  File "/app/main.py", line 10, in <module>
    run()
    ~~~^^
  File "/app/main.py", line 6, in run
    raise ValueError("bad")
ValueError: bad`,
  'Python, one after the other': `ERROR:root:it failed
Traceback (most recent call last):
  File "a.py", line 1, in f
    g()
  [Previous line repeated 3 more times]
KeyError: 'x'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "a.py", line 3, in <module>
    f()
RuntimeError: no`,
  Go: `panic: runtime error: invalid memory address or nil pointer dereference
[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x48f2a5]

goroutine 1 [running]:
main.(*Server).handle(0x0, {0x4b7e20, 0xc000010250})
	/app/main.go:17 +0x25
main.main()
	/app/main.go:9 +0x1d

goroutine 18 [chan receive]:
main.worker(...)
	/app/worker.go:12
created by main.start in goroutine 1
	/app/worker.go:8 +0x4f
exit status 2`,
  'Go, of a server': `2026/11/21 09:39:00 http: panic serving 10.0.0.7:41234: boom
goroutine 34 [running]:
net/http.(*conn).serve.func1()
	/usr/local/go/src/net/http/server.go:1868 +0xb9
panic({0x6527e0?, 0x6f9a50?})
	/usr/local/go/src/runtime/panic.go:920 +0x270
created by net/http.(*Server).Serve in goroutine 1
	/usr/local/go/src/net/http/server.go:3086 +0x5cb`,
  Node: `/app/index.js:3
    throw new TypeError('no');
    ^

TypeError: no
    at Object.<anonymous> (/app/index.js:3:9)
    at Module._compile (node:internal/modules/cjs/loader:1554:14) {
  code: 'E_NO',
  [cause]: Error: first
      at /app/index.js:2:15
}

Node.js v24.1.0`,
  'Node, of a library': `Error: connect ECONNREFUSED 127.0.0.1:5432
    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1634:16) {
  errno: -111,
  code: 'ECONNREFUSED'
}`,
  '.NET': `Unhandled exception. System.InvalidOperationException: Could not start
 ---> System.IO.FileNotFoundException: Could not find file '/app/x.json'.
   at System.IO.Strategies.FileStreamHelpers.ValidateHandle(SafeFileHandle handle)
   --- End of inner exception stack trace ---
   at Program.Main(String[] args) in /src/Program.cs:line 11
--- End of stack trace from previous location ---
   at Program.<Main>(String[] args)`,
  '.NET, of its console logger': `fail: Microsoft.AspNetCore.Server.Kestrel[13]
      Connection id "0HN", Request id "0HN:1": An unhandled exception was thrown by the application.
      System.Exception: no
         at Program.<>c.<Main>b__0_0() in /src/Program.cs:line 7`,
};

describe('stack traces', () => {
  test.each(Object.entries(traces))('%s is one record', (_, trace) => {
    const lines = ['before', ...trace.split('\n'), 'after', '{"level":"error","msg":"x"}'];
    const [first, ...rest] = recordsOf(ofLanguages, lines);
    expect(first).toBe('before');
    expect(rest.map((text) => text.trimEnd())).toEqual([trace, 'after', '{"level":"error","msg":"x"}']);
  });

  test('two of them are two records', () => {
    const trace = traces['Java, on the line of a log'] ?? '';
    expect(recordsOf(ofLanguages, `${trace}\n${trace}`.split('\n'))).toEqual([trace, trace]);
  });

  test('only the languages that are chosen are known', () => {
    const lines = (traces['Python'] ?? '').split('\n');
    expect(recordsOf({ by: 'languages', languages: ['java'], ...multilineDefaults }, lines)).toEqual(lines);
  });

  test('lines that merely speak of errors stay lines', () => {
    const lines = [
      '2026-11-21 ERROR one',
      '2026-11-21 ERROR two',
      'an Error',
      'Error: three',
      'four',
      '  five',
      'goroutine',
      '}',
    ];
    expect(recordsOf(ofLanguages, lines)).toEqual(lines);
  });

  test('a record has the time, the level and the stream of its first line', () => {
    const rig = new StepsRig({ multiline: ofLanguages });
    rig.take('x ERROR failed', 1);
    rig.take('java.lang.Error: no', 1);
    rig.flush();
    expect(rig.records).toEqual([
      {
        text: 'x ERROR failed\njava.lang.Error: no',
        level: 'error',
        time: '2025-11-21T09:39:01.000Z',
        stream: 'stderr',
        fields: undefined,
      },
    ]);
  });

  test('the streams know nothing of each other', () => {
    const rig = new StepsRig({ multiline: ofLanguages });
    rig.take('java.lang.Error: no', 0);
    rig.take('\tnot of it', 1);
    rig.take('\tat a.b(C.java:1)', 0);
    rig.flush();
    expect(rig.texts).toEqual(['\tnot of it', 'java.lang.Error: no\n\tat a.b(C.java:1)']);
  });
});

describe('dates', () => {
  test.each([
    '2026-11-21T09:39:00.123Z hello',
    '2026-11-21 09:39:00,123 INFO hello',
    '[2026-11-21 09:39:00] hello',
    'INFO  [2026-11-21 09:39:00,123] hello',
    'WARN: 2026/11/21 09:39:00 hello',
    '2026/11/21 09:39:00 hello',
    '20261121 09:39:00 hello',
    '21/Nov/2026:09:39:00 +0000 hello',
    '[21/Nov/2026:09:39:00 +0000] hello',
    '21-Nov-2026 09:39:00.123 INFO hello',
    '21.11.2026 09:39:00 hello',
    'Sat Nov 21 09:39:00 2026 hello',
    'Sat, 21 Nov 2026 09:39:00 GMT hello',
    'Saturday, 21-Nov-26 09:39:00 UTC hello',
    '21 Nov 26 09:39 UTC hello',
    'Nov 21 09:39:00 host sshd[1]: hello',
    'Nov 21, 2026 9:39:00 AM org.example hello',
    'I1121 09:39:00.123456       1 main.go:7] hello',
    '09:39:00.123 [main] INFO hello',
    '1763717940.123 hello',
    '{"msg":"hello"}',
    'time="2026-11-21T09:39:00Z" level=info msg=hello',
  ])('begins a record: %s', (line) => {
    expect(recordsOf(byDates, ['2026-11-21 09:00:00 first', 'more of it', line, 'more'])).toEqual([
      '2026-11-21 09:00:00 first\nmore of it',
      `${line}\nmore`,
    ]);
  });

  test('before a date was seen, indented lines continue and others do not', () => {
    expect(recordsOf(byDates, ['a', '  b', 'c', 'd'])).toEqual(['a\n  b', 'c', 'd']);
  });

  test('patterns of the user begin records too', () => {
    expect(
      recordsOf({ ...byDates, patterns: ['^#\\d+ '] }, ['#1 a', 'b', '2026-11-21 09:00:00 c', '#2 d', 'e']),
    ).toEqual(['#1 a\nb', '2026-11-21 09:00:00 c', '#2 d\ne']);
  });
});

describe('a pattern', () => {
  test('begins a record wherever in the line it is found', () => {
    expect(recordsOf(byPattern('BEGIN'), ['x BEGIN 1', 'a', 'y BEGIN 2'])).toEqual(['x BEGIN 1\na', 'y BEGIN 2']);
  });

  test('knows characters, not bytes', () => {
    expect(recordsOf(byPattern('^.日志'), ['一日志 1', 'a', '二日志 2'])).toEqual(['一日志 1\na', '二日志 2']);
  });

  test('that is none is refused with its key', () => {
    expect(() => new StepsRig({ multiline: byPattern('ok', 'a(b') })).toThrow(
      /^multiline\.patterns\[1\]: "a\(b" is not/,
    );
  });
});

describe('limits', () => {
  test('of lines ends a record, and the next line begins one that goes on', () => {
    const limited = { ...byPattern('^BEGIN'), maxLines: 3 };
    expect(recordsOf(limited, ['BEGIN', '1', '2', '3', '4', '5', '6'])).toEqual(['BEGIN\n1\n2', '3\n4\n5', '6']);
  });

  test('of bytes leaves nothing out', () => {
    const limited = { ...byPattern('^BEGIN'), maxBytes: 8 };
    expect(recordsOf(limited, ['BEGIN', '1', '22', 'a line that is longer than that', '3'])).toEqual([
      'BEGIN\n1',
      '22',
      'a line that is longer than that',
      '3',
    ]);
  });

  test('of time ends what had no line since', () => {
    const rig = new StepsRig({ multiline: byDates });
    rig.take('2026-11-21 09:00:00 first');
    rig.flushIdle(1_000);
    rig.take('more');
    rig.flushIdle(1_900);
    rig.flushIdle(2_800);
    expect(rig.texts).toEqual([]);
    rig.flushIdle(2_900);
    expect(rig.texts).toEqual(['2026-11-21 09:00:00 first\nmore']);
  });
});
