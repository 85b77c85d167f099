import { ApiRefusal } from './api-client.ts';

/** What the service account must be allowed to do, and what does not work without it. */
export interface Right {
  /** API group; empty for the core one. */
  readonly group: string;
  readonly resource: string;
  readonly verbs: readonly string[];
  /** A Role in that namespace is enough; undefined: a ClusterRole is needed. */
  readonly namespace?: string;
  /** Half a sentence, such as `no pod is scraped`. */
  readonly without: string;
}

/** A right that the API server refused: for status, warnings and explain. */
export interface MissingRight {
  readonly verb: string;
  readonly resource: string;
  readonly group: string;
  readonly namespace?: string;
  /** What is lost. */
  readonly without: string;
  /** What to grant, as YAML of one line. */
  readonly rule: string;
  /** What the server said. */
  readonly error: string;
}

export interface DescribedFailure {
  readonly error: string;
  readonly hint?: string;
}

/** What went wrong with a request that needs the right, and what its reader may do. */
export function describeFailure(error: unknown, right: Right): DescribedFailure {
  if (error instanceof ApiRefusal) {
    const text = `HTTP ${error.status}: ${error.message}`;
    const hint = error.status === 403 ? `${grant(right)}; without it ${right.without}` : hints[String(error.status)];
    return hint === undefined ? { error: text } : { error: text, hint };
  }
  const message = typeof error === 'object' && error !== null && 'message' in error ? error.message : undefined;
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  const text = typeof message === 'string' && message !== '' ? message : String(code ?? error);
  const hint = hints[String(code)];
  return hint === undefined ? { error: text } : { error: text, hint };
}

const away = 'is the API server up, is its address right, and does nothing between forbid the way?';
const stranger = 'the authority that signed its certificate must stand in the kubeconfig, or in the service account';
/** By HTTP status, or code of Node's. */
const hints: Readonly<Record<string, string>> = {
  401: 'the token is not known there (any more): a kubeconfig must be made anew, a service account may have been',
  ENOENT: 'mount the service account (automountServiceAccountToken: true), or mend the path in the kubeconfig',
  ECONNREFUSED: away,
  EHOSTUNREACH: away,
  ETIMEDOUT: away,
  UND_ERR_CONNECT_TIMEOUT: away,
  ENOTFOUND: 'its name is not known here: look at the address, and at DNS',
  EAI_AGAIN: 'its name is not known here: look at the address, and at DNS',
  DEPTH_ZERO_SELF_SIGNED_CERT: stranger,
  SELF_SIGNED_CERT_IN_CHAIN: stranger,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: stranger,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: stranger,
};

/** Undefined where the error is no 403. */
export function missingRight(error: unknown, right: Right, verb: string): MissingRight | undefined {
  if (!(error instanceof ApiRefusal) || error.status !== 403) {
    return undefined;
  }
  const { group, resource, namespace, without } = right;
  return {
    verb,
    resource,
    group,
    ...(namespace !== undefined && { namespace }),
    without,
    rule: ruleOf(right),
    error: error.message,
  };
}

/** One line for warnings. */
export function missingRightLine({ verb, resource, group, namespace, without, rule }: MissingRight): string {
  const where = namespace === undefined ? 'in a ClusterRole' : `in a Role of the namespace ${namespace}`;
  const named = group === '' ? resource : `${resource}.${group}`;
  return `the API server refuses "${verb}" of ${named} (403): ${without}; grant ${where}: ${rule}`;
}

function grant({ verbs, resource, namespace }: Right): string {
  const listed = verbs.length > 1 ? `${verbs.slice(0, -1).join(', ')} and ${verbs.at(-1)}` : verbs.join('');
  const where = namespace === undefined ? 'ClusterRole' : `Role in the namespace ${namespace}`;
  return `grant ${listed} of ${resource} to the service account (${where})`;
}

function ruleOf({ group, resource, verbs }: Right): string {
  const list = verbs.map((verb) => `"${verb}"`).join(', ');
  return `{apiGroups: ["${group}"], resources: ["${resource}"], verbs: [${list}]}`;
}
