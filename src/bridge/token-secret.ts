import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LoadedConfig } from '../config/load.ts';
import type { Clock, Logger } from '../contract/runtime.ts';
import type { SecretStatus } from '../contract/status.ts';
import type { AccessPolicy, Tokens } from '../http/access.ts';
import { ensureToken, minTokenLength, readToken } from '../http/token.ts';
import { ApiClient, ApiRefusal } from '../kube/api-client.ts';
import type { ClusterAccess } from '../kube/cluster-access.ts';
import { describeFailure, type Right } from '../kube/right.ts';
import { addToSecret, createSecret, readSecret, type SecretObject, type SecretPlace } from '../kube/secret.ts';
import { systemClock } from '../lib/clock.ts';
import { accessOf } from './own-node.ts';

export interface TokenSecretOptions {
  readonly access: ClusterAccess;
  readonly place: SecretPlace;
  /** What stands in a Secret that we make. */
  readonly own: { readonly token: string; readonly ingestToken: string };
  /** Takes what the Secret says; those are good beside our own. */
  readonly adopt: (tokens: Tokens) => void;
  readonly userAgent: string;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface HubTokens {
  readonly config: LoadedConfig;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly dataDir: string;
  /** The one that opens everything. */
  readonly token: string;
  readonly policy: AccessPolicy;
  readonly userAgent: string;
  readonly log: Logger;
}

/** What `[kubernetes] token_secret` asks for; undefined where it does not, or where there is no cluster. */
export async function startTokenSecret(hub: HubTokens): Promise<TokenSecret | undefined> {
  const { config, env, dataDir, token, policy, userAgent, log } = hub;
  const { token_secret: setting, service_account_dir: serviceAccountDir } = config.kubernetes;
  const access = accessOf(config, env);
  if (setting === undefined || access === undefined) {
    return undefined;
  }
  const { ingest_token_file: file } = config.server;
  const ingestToken = file === undefined ? (await ensureToken(dataDir, 'ingest-token')).token : await readToken(file);
  policy.adopt({ token: undefined, ingestToken });
  const secret = new TokenSecret({
    access: await access(),
    place: await placeOf(setting, { serviceAccountDir, env }),
    own: { token, ingestToken },
    adopt: (tokens) => policy.adopt(tokens),
    userAgent,
    clock: systemClock,
    log,
  });
  secret.start();
  return secret;
}

const everyMs = 60_000;
const againMs = 5_000;
/** Keys of the Secret. */
const keys = { token: 'token', ingestToken: 'ingest-token' } as const;

/** Where `token_secret` is: `NAMESPACE/NAME`, or a name in the namespace of the service account, else of `POD_NAMESPACE`. */
export async function placeOf(
  setting: string,
  where: { readonly serviceAccountDir: string; readonly env: Readonly<Record<string, string | undefined>> },
): Promise<SecretPlace> {
  const [first = '', name] = setting.split('/');
  if (name !== undefined) {
    return { namespace: first, name };
  }
  const own = await readFile(join(where.serviceAccountDir, 'namespace'), 'utf8').catch(() => '');
  return { namespace: own.trim() || where.env['POD_NAMESPACE'] || 'default', name: first };
}

/**
 * The hub's tokens in a Secret, for agents and people: `token` opens everything, `ingest-token` lets write. What is not there is
 * made; what is there is good here too, now and after it is changed. Without the right to do that, or without an API server,
 * our own tokens go on.
 */
export class TokenSecret {
  readonly #options: TokenSecretOptions;
  readonly #api: ApiClient;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #failure: ReturnType<typeof describeFailure> | undefined;

  constructor(options: TokenSecretOptions) {
    this.#options = options;
    this.#api = new ApiClient(options.access, options.userAgent);
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('stopping'));
    await this.#running;
    await this.#api.close();
  }

  status(): SecretStatus {
    const { namespace, name } = this.#options.place;
    return { name: `${namespace}/${name}`, ...this.#failure };
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const good = await this.#once(signal);
      await clock.sleep(good ? everyMs : againMs, signal).catch(() => undefined);
    }
  }

  async #once(signal: AbortSignal): Promise<boolean> {
    try {
      this.#take(await this.#secret(signal));
      return true;
    } catch (error) {
      if (!signal.aborted && !(error instanceof ApiRefusal && error.status === 409)) {
        this.#failed(describeFailure(error, this.#right()));
      }
      return false;
    }
  }

  #take({ values }: SecretObject): void {
    const short: string[] = [];
    const found = (key: string): string | undefined => {
      const value = values[key]?.trim() ?? '';
      if (value.length >= minTokenLength) {
        return value;
      }
      short.push(key);
      return undefined;
    };
    this.#options.adopt({ token: found(keys.token), ingestToken: found(keys.ingestToken) });
    if (short.length === 0) {
      this.#failure = undefined;
    } else {
      const error = `what stands under ${short.join(' and ')} has fewer than ${minTokenLength} characters`;
      this.#failed({ error, hint: 'write a longer one, or remove the key: the hub writes its own then' });
    }
  }

  async #secret(signal: AbortSignal): Promise<SecretObject> {
    const { place, own, log } = this.#options;
    const values = { [keys.token]: own.token, [keys.ingestToken]: own.ingestToken };
    const secret = await readSecret(this.#api, place, signal);
    if (secret === undefined) {
      const made = await createSecret(this.#api, { place, values }, signal);
      log.info({ secret: this.status().name }, 'The Secret of the tokens was made.');
      return made;
    }
    const isWhole = Object.keys(values).every((key) => (secret.values[key] ?? '') !== '');
    return isWhole ? secret : addToSecret(this.#api, { secret, place, values }, signal);
  }

  #failed(failure: ReturnType<typeof describeFailure>): void {
    if (failure.error !== this.#failure?.error) {
      this.#options.log.warn({ secret: this.status().name, ...failure }, 'The Secret of the tokens cannot be kept.');
    }
    this.#failure = failure;
  }

  #right(): Right {
    const { namespace } = this.#options.place;
    const without = "agents must be given the hub's token by hand: token_file of [[outputs.hub]]";
    return { group: '', resource: 'secrets', verbs: ['get', 'create', 'update'], namespace, without };
  }
}
