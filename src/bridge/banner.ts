import type { BridgeStatus } from '../contract/status.ts';

export interface BannerFacts {
  readonly status: BridgeStatus;
  readonly dataDir: string;
  readonly tokenPath: string;
  readonly scheme: 'http' | 'https';
  readonly outputs: readonly string[];
  /** Inputs that could run and do not, each with the reason. */
  readonly inputsOff: readonly string[];
  readonly storeOff?: string;
  readonly extra: readonly string[];
}

/** What a person wants to know when it has started: where the page is, what runs, what does not and why. */
export function banner(facts: BannerFacts): string {
  const { status } = facts;
  const main = status.listeners.find((one) => one.name === 'main')?.address;
  const local = main?.replace('0.0.0.0', '127.0.0.1') ?? '';
  const inputs = [...new Set(status.inputs.map((input) => input.type))];
  const rows: (readonly [string, string])[] = [
    ['page', `${facts.scheme}://${local}/`],
    ['role', roleLine(status)],
    ['data', facts.dataDir],
    ...status.listeners.map((one): [string, string] => [`port ${one.name}`, one.address ?? `off: ${one.off ?? ''}`]),
    ['inputs', inputs.join(', ') || 'none'],
    ...facts.inputsOff.map((line): [string, string] => ['input off', line]),
    ['outputs', facts.outputs.join(', ') || 'none'],
    ['store', facts.storeOff === undefined ? 'on' : `off: ${facts.storeOff}`],
    ['config', status.configFiles.join(', ') || 'no files; everything by default'],
    ...status.warnings.map((warning): [string, string] => ['warning', warning]),
    ['token', `${facts.tokenPath} opens the page from other machines`],
    ['from afar', `ssh -L 9529:${local} HOST, or kubectl port-forward POD 9529`],
    ...facts.extra.map((line): [string, string] => ['demo', line]),
  ];
  const lines = rows.map(([name, text]) => `  ${name.padEnd(12)} ${text}`);
  return [`meshbridge ${status.version} runs`, ...lines, ''].join('\n');
}

/** Whose data this process shows, and where the rest is. */
function roleLine({ role, node, hub, isAlone, tokenSecret }: BridgeStatus): string {
  switch (role) {
    case 'agent':
      return `agent of the node ${node}: it keeps nothing, the page with everything is ${hub?.page ?? ''}`;
    case 'hub':
      return tokenSecret === undefined ? 'hub' : `hub; its tokens are in the Secret ${tokenSecret.name}`;
    default:
      return isAlone === true
        ? `the node ${node} alone: each node answers for itself, since no hub is configured ([[outputs.hub]])`
        : 'all in one';
  }
}
