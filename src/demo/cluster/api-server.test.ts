import { X509Certificate } from 'node:crypto';
import { type RequestOptions, request } from 'node:https';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { until } from '../../../test/fakes/until.ts';
import { Authority } from '../mesh/certificates.ts';
import { ApiServer } from './api-server.ts';
import type { Write } from './api-writes.ts';
import { type Json, ObjectStore } from './object-store.ts';

const authority = new Authority('demo', Date.now());
const tls = authority.issueServer('127.0.0.1');
let store: ObjectStore;
let server: ApiServer;
let url: string;
let writes: Write[];
let open: AbortController;

beforeEach(async () => {
  store = new ObjectStore();
  writes = [];
  open = new AbortController();
  const admit = async (write: Write) => {
    writes.push(write);
    return write.resource === 'pods' ? 'the pods of the demo are as they are' : undefined;
  };
  server = new ApiServer({ store, tls, token: 'secret', writes: admit });
  url = await server.start('127.0.0.1');
});

afterEach(async () => {
  open.abort();
  await server.stop();
});

interface Answer {
  readonly status: number | undefined;
  readonly body: Json;
}

/** `path`, with the authority of the cluster. */
function call(path: string, options: RequestOptions = {}, body = ''): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const headers = { authorization: 'Bearer secret', ...options.headers };
  const sent = request(
    `${url}${path}`,
    { ca: authority.certificate, agent: false, ...options, headers },
    (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode, body: JSON.parse(Buffer.concat(chunks).toString()) }),
      );
    },
  );
  sent.on('error', reject);
  sent.end(body);
  return promise;
}

/** Events of a watch, as they come. */
function watch(path: string): { type: string; object: Json }[] {
  const events: { type: string; object: Json }[] = [];
  const headers = { authorization: 'Bearer secret' };
  const sent = request(
    `${url}${path}`,
    { ca: authority.certificate, headers, signal: open.signal, agent: false },
    (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
        const lines = text.split('\n');
        text = lines.pop() ?? '';
        events.push(...lines.map((line) => JSON.parse(line)));
      });
      response.on('error', () => {});
    },
  );
  sent.on('error', () => {});
  sent.end();
  return events;
}

const pod = (name: string, namespace = 'default', more: Json = {}): Json => ({
  kind: 'Pod',
  apiVersion: 'v1',
  metadata: { name, namespace, labels: { app: name } },
  spec: { nodeName: 'worker' },
  ...more,
});
const rule = (name: string, spec: Json = {}): Json => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'VirtualService',
  metadata: { name },
  spec,
});
const namesOf = ({ body }: Answer) => (body['items'] as Json[]).map(({ metadata }) => (metadata as Json)['name']);

test('its certificate names its address, so that clients need not look away', () => {
  expect(new X509Certificate(tls.certificate).subjectAltName).toBe('IP Address:127.0.0.1');
});

test('who has not the token is let see nothing', async () => {
  expect((await call('/api/v1/pods', { headers: { authorization: 'Bearer wrong' } })).status).toBe(401);
});

describe('reading', () => {
  beforeEach(() => {
    store.put('pods', pod('reviews'));
    store.put('pods', pod('ratings'));
    store.put('pods', pod('istiod', 'istio-system', { spec: { nodeName: 'control-plane' } }));
    store.put('nodes', { kind: 'Node', metadata: { name: 'worker' } });
  });

  test('lists are of a namespace, of fields and of labels', async () => {
    expect(namesOf(await call('/api/v1/pods'))).toEqual(['reviews', 'ratings', 'istiod']);
    expect(namesOf(await call('/api/v1/namespaces/default/pods'))).toEqual(['reviews', 'ratings']);
    expect(namesOf(await call('/api/v1/pods?fieldSelector=spec.nodeName%3Dcontrol-plane'))).toEqual(['istiod']);
    expect(namesOf(await call('/api/v1/pods?labelSelector=app%20in%20(ratings,istiod),!gone'))).toEqual([
      'ratings',
      'istiod',
    ]);
    expect(namesOf(await call('/api/v1/pods?labelSelector=app!%3Dratings'))).toEqual(['reviews', 'istiod']);
  });

  test('one object is had by its name, in a namespace and in none', async () => {
    expect((await call('/api/v1/namespaces/default/pods/reviews')).body).toMatchObject({ kind: 'Pod' });
    expect((await call('/api/v1/nodes/worker')).body).toMatchObject({ kind: 'Node' });
    expect(await call('/api/v1/namespaces/default/pods/gone')).toMatchObject({
      status: 404,
      body: { kind: 'Status', message: 'pods "gone" not found' },
    });
  });

  test('pods are a table for who asks for one, in lists and by name', async () => {
    const container = (ready: boolean, restartCount: number, state: Json) => ({ ready, restartCount, state });
    const status = {
      phase: 'Running',
      podIP: '127.0.0.9',
      containerStatuses: [
        container(false, 3, { waiting: { reason: 'CrashLoopBackOff' } }),
        container(true, 0, { running: {} }),
      ],
    };
    const creationTimestamp = new Date(Date.now() - 2.5 * 3_600_000).toISOString();
    store.put(
      'pods',
      pod('details', 'prod', { metadata: { name: 'details', namespace: 'prod', creationTimestamp }, status }),
    );
    const headers = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' };
    for (const path of ['/api/v1/namespaces/prod/pods', '/api/v1/namespaces/prod/pods/details']) {
      expect((await call(path, { headers })).body).toMatchObject({
        kind: 'Table',
        apiVersion: 'meta.k8s.io/v1',
        rows: [
          {
            cells: ['details', '1/2', 'CrashLoopBackOff', 3, '2h', '127.0.0.9', 'worker'],
            object: { metadata: { name: 'details', namespace: 'prod' } },
          },
        ],
      });
    }
    expect((await call('/api/v1/namespaces/default/pods/reviews', { headers })).body['rows']).toMatchObject([
      { cells: ['reviews', '0/0', 'Unknown', 0, '<unknown>', '<none>', 'worker'] },
    ]);
    expect((await call('/api/v1/nodes', { headers })).body).toMatchObject({ kind: 'NodeList' });
  });

  test('what kubectl asks first is answered', async () => {
    expect((await call('/api')).body['versions']).toEqual(['v1']);
    expect(JSON.stringify((await call('/apis')).body)).toContain('"networking.istio.io/v1beta1"');
    const { body } = await call('/apis/networking.istio.io/v1');
    expect(JSON.stringify(body)).toContain('"virtualservices"');
    expect((await call('/apis/nobody.example/v1')).status).toBe(404);
    // Before kubectl applies anything it wants to know who looks at the fields.
    const at = 'apis/networking.istio.io/v1alpha3';
    const { paths } = (await call('/openapi/v3')).body as { paths: Record<string, { serverRelativeURL: string }> };
    const document = await call(paths[at]?.serverRelativeURL ?? '/');
    expect(JSON.stringify(document.body)).toContain(`/${at}/namespaces/{namespace}/virtualservices/{name}`);
    expect((await call('/openapi/v3/apis/nobody.example/v1')).status).toBe(404);
  });
});

describe('a watch', () => {
  test('brings what happens after its version, and only what it asks for', async () => {
    store.put('pods', pod('reviews'));
    const { body } = await call('/api/v1/pods');
    const { resourceVersion } = body['metadata'] as Json;
    const events = watch(`/api/v1/namespaces/default/pods?watch=1&resourceVersion=${resourceVersion}`);
    store.put('pods', pod('istiod', 'istio-system'));
    store.put('pods', pod('ratings'));
    store.put('pods', pod('reviews'));
    store.remove('pods', 'default/ratings');
    await until(() => events.length === 3, { what: 'three events' });
    expect(events.map(({ type, object }) => [type, (object['metadata'] as Json)['name']])).toEqual([
      ['ADDED', 'ratings'],
      ['MODIFIED', 'reviews'],
      ['DELETED', 'ratings'],
    ]);
  });

  test('from a version that is forgotten is refused with 410', async () => {
    const old = store.version;
    store.put('pods', pod('reviews'));
    store.compact();
    expect((await call(`/api/v1/pods?watch=1&resourceVersion=${old}`)).status).toBe(410);
  });
});

describe('writing', () => {
  const path = '/apis/networking.istio.io/v1/namespaces/default/virtualservices';
  const post = (object: Json) => call(path, { method: 'POST' }, JSON.stringify(object));

  test('makes an object once, takes the version that it names, and lets it go', async () => {
    expect((await post(rule('reviews'))).status).toBe(201);
    expect((await post(rule('reviews'))).status).toBe(409);
    const { body } = await call(`${path}/reviews`);
    const put = (object: Json) => call(`${path}/reviews`, { method: 'PUT' }, JSON.stringify(object));
    expect((await put({ ...body, spec: { hosts: ['a'] } })).status).toBe(200);
    expect((await put({ ...body, spec: { hosts: ['b'] } })).status).toBe(409);
    expect((await call(`${path}/reviews`)).body['spec']).toEqual({ hosts: ['a'] });
    expect((await call(`${path}/reviews`, { method: 'DELETE' })).status).toBe(200);
    expect((await call(`${path}/reviews`, { method: 'DELETE' })).status).toBe(404);
    expect(writes.map(({ verb }) => verb)).toEqual(['put', 'put', 'delete']);
  });

  test('a patch changes what it names, and null takes away', async () => {
    await post(rule('reviews', { hosts: ['a'], gateways: ['g'] }));
    const patch = JSON.stringify({ spec: { hosts: ['b'], gateways: null } });
    const { status, body } = await call(`${path}/reviews`, { method: 'PATCH' }, patch);
    expect([status, body['spec']]).toEqual([200, { hosts: ['b'] }]);
  });

  test('a server-side apply in YAML makes what is not there', async () => {
    const yaml =
      'apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata:\n  name: ratings\nspec:\n  hosts: [x]\n';
    expect((await call(`${path}/ratings?fieldManager=x`, { method: 'PATCH' }, yaml)).status).toBe(201);
  });

  test('an object is shown in the version that is asked for, whichever it was written in', async () => {
    await post(rule('reviews'));
    const { body } = await call(path.replace('/v1/', '/v1alpha3/'));
    expect(body).toMatchObject({
      apiVersion: 'networking.istio.io/v1alpha3',
      items: [{ apiVersion: 'networking.istio.io/v1alpha3' }],
    });
  });

  test('what is not admitted is not kept, and why is said', async () => {
    const answer = await call('/api/v1/namespaces/default/pods', { method: 'POST' }, JSON.stringify(pod('mine')));
    expect(answer).toMatchObject({ status: 422, body: { message: 'the pods of the demo are as they are' } });
    expect(namesOf(await call('/api/v1/pods'))).toEqual([]);
  });

  test.each(['', '[]', '{', '"x"', '{"metadata":{"name":"other"}}'])('%j is no such object', async (body) => {
    expect((await call(`${path}/reviews`, { method: 'PUT' }, body)).status).toBe(400);
  });
});
