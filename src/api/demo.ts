import { type DemoDesk, type DemoFile, type DemoRequest, demoSwitchGroups } from '../contract/demo.ts';
import { BridgeError } from '../contract/errors.ts';
import type { HttpRequest, HttpResponse, HttpRoute } from '../contract/http.ts';

export interface DemoDeps {
  /** Absent where the daemon runs without a demo: its routes are not there then. */
  readonly demo?: DemoDesk;
}

const maxBodyBytes = 1 << 20;

/**
 * The switches of the demo. Every POST wants `application/json`, which a page of another origin cannot send without asking
 * first; what is wrong with a file is a 422 whose `error` has one line for each fault.
 */
export function demoRoutes({ demo }: DemoDeps): HttpRoute[] {
  if (demo === undefined) {
    return [];
  }
  const usual = { listeners: ['main'], access: 'reader' } as const;
  const post = (path: string, read: (request: HttpRequest, body: Fields) => DemoRequest): HttpRoute => ({
    ...usual,
    method: 'POST',
    path: `/api/native/demo/${path}`,
    maxBodyBytes,
    handle: (request) => asked(demo, () => read(request, fieldsOf(request))),
  });
  return [
    { ...usual, method: 'GET', path: '/api/native/demo', handle: () => asked(demo, () => ({ ask: 'view' })) },
    post('switches/:name', ({ params }, { on }) => {
      if (typeof on !== 'boolean') {
        throw new BridgeError('BRIDGE_DECODE', 'the body wants {"on": true} or {"on": false}');
      }
      return { ask: 'set', name: params['name'] ?? '', on };
    }),
    post('apply', (_, { files }) => ({ ask: 'apply', files: filesOf(files) })),
    post('delete', (_, { files }) => ({ ask: 'delete', files: filesOf(files) })),
    post('load', (_, { pagesPerSecond }) => {
      if (typeof pagesPerSecond !== 'number') {
        throw new BridgeError('BRIDGE_DECODE', 'the body wants {"pagesPerSecond": 5}');
      }
      return { ask: 'load', pagesPerSecond };
    }),
  ];
}

type Fields = Readonly<Record<string, unknown>>;

async function asked(demo: DemoDesk, read: () => DemoRequest): Promise<HttpResponse> {
  const answer = await demo.ask(read());
  if ('unavailable' in answer) {
    return json(503, { error: answer.unavailable });
  }
  return 'refused' in answer
    ? json(422, { error: answer.refused.join('\n'), refused: answer.refused })
    : json(200, { ...answer, groups: demoSwitchGroups });
}

function json(status: number, body: object): HttpResponse {
  return {
    status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
    body: JSON.stringify(body),
  };
}

/** Throws BRIDGE_DECODE. */
function fieldsOf({ headers, body }: HttpRequest): Fields {
  if (headers['content-type']?.startsWith('application/json') !== true) {
    throw new BridgeError('BRIDGE_DECODE', 'the content type is not application/json');
  }
  try {
    const value: unknown = JSON.parse(body.toString());
    if (typeof value === 'object' && value !== null) {
      return { ...value };
    }
  } catch {
    // Said below.
  }
  throw new BridgeError('BRIDGE_DECODE', 'the body is not a JSON object');
}

function filesOf(value: unknown): readonly DemoFile[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [];
  const files = list.flatMap((one) => {
    const { file, text }: Fields = typeof one === 'object' && one !== null ? { ...one } : {};
    return typeof file === 'string' && typeof text === 'string' ? [{ file, text }] : [];
  });
  if (files.length === 0 || files.length < list.length) {
    throw new BridgeError('BRIDGE_DECODE', 'the body wants {"files": [{"file": "NAME", "text": "..."}]}');
  }
  return files;
}
