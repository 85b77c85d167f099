import { Agent } from 'undici';

export type Json = Readonly<Record<string, unknown>>;

/** Any object of Kubernetes. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly [key: string]: unknown;
  };
  readonly [key: string]: unknown;
}

export interface ApiAnswer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever the server says.
  readonly body: any;
}

export interface CallOptions {
  readonly token?: string;
  readonly contentType?: string;
}

interface Access {
  readonly url: string;
  readonly ca: string;
  readonly token: string;
}

interface ResourceKind {
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

/** Requests to an API server of Kubernetes, as its administrator unless another token is given. */
export class ApiCalls {
  readonly url: string;
  readonly #token: string;
  readonly #agent: Agent;
  readonly #kinds = new Map<string, Promise<readonly ResourceKind[]>>();

  constructor({ url, ca, token }: Access) {
    this.url = url;
    this.#token = token;
    this.#agent = new Agent({ connect: { ca }, connections: 8 });
  }

  /** Any answer, be it a refusal. */
  async attempt(method: string, path: string, body?: unknown, options: CallOptions = {}): Promise<ApiAnswer> {
    const answer = await this.#agent.request({
      origin: this.url,
      path,
      method: method as 'GET',
      headers: {
        authorization: `Bearer ${options.token ?? this.#token}`,
        'content-type': options.contentType ?? 'application/json',
      },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await answer.body.text();
    return { status: answer.statusCode, body: parsed(text) };
  }

  /** The body of an answer 200–299; throws the server's words otherwise. */
  async call(method: string, path: string, body?: unknown, options: CallOptions = {}): Promise<ApiAnswer['body']> {
    const answer = await this.attempt(method, path, body, options);
    if (answer.status < 200 || answer.status > 299) {
      throw new Error(`${method} ${path}: ${answer.status} ${answer.body?.message ?? JSON.stringify(answer.body)}`);
    }
    return answer.body;
  }

  /** Server-side apply of objects of any kind, one after the other. Gives what the server made of them. */
  async apply(
    objects: readonly KubeObject[],
    { dryRun = false }: { readonly dryRun?: boolean } = {},
  ): Promise<readonly KubeObject[]> {
    const made: KubeObject[] = [];
    for (const object of objects) {
      const query = new URLSearchParams({ fieldManager: 'test', force: 'true', ...(dryRun && { dryRun: 'All' }) });
      query.set('fieldValidation', 'Strict');
      const contentType = 'application/apply-patch+yaml';
      made.push(await this.call('PATCH', `${await this.pathOf(object)}?${query}`, object, { contentType }));
    }
    return made;
  }

  async remove(object: KubeObject): Promise<void> {
    await this.call('DELETE', `${await this.pathOf(object)}?gracePeriodSeconds=0`);
  }

  async ensureNamespace(name: string, labels: Json = {}): Promise<void> {
    await this.apply([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } }]);
  }

  /** A token of the account, good for an hour. It stops being good when the account is deleted. */
  async token(namespace: string, account: string): Promise<string> {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`;
    const answer = await this.call('POST', path, {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds: 3600 },
    });
    return answer.status.token;
  }

  /** `/api/v1/namespaces/a/pods/b` and so on: the kind's path is asked of the server. */
  async pathOf({ apiVersion, kind, metadata }: KubeObject): Promise<string> {
    const group = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const found = (await this.#kindsOf(group)).find((known) => known.kind === kind && !known.name.includes('/'));
    if (found === undefined) {
      // Definitions that were applied a moment ago are served one after the other.
      this.#kinds.delete(group);
      throw new Error(`the server knows no ${kind} in ${apiVersion}`);
    }
    const scope = found.namespaced ? `/namespaces/${metadata.namespace ?? 'default'}` : '';
    return `${group}${scope}/${found.name}/${metadata.name}`;
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  #kindsOf(group: string): Promise<readonly ResourceKind[]> {
    const known = this.#kinds.get(group) ?? this.call('GET', group).then(({ resources }) => resources);
    this.#kinds.set(group, known);
    known.catch(() => this.#kinds.delete(group));
    return known;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
