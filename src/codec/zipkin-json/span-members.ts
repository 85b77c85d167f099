/** Members of a span, in the order of their bits. */
const members = [
  'traceId',
  'id',
  'parentId',
  'name',
  'kind',
  'timestamp',
  'duration',
  'localEndpoint',
  'remoteEndpoint',
  'annotations',
  'tags',
  'debug',
  'shared',
] as const;
export type Member = (typeof members)[number];

export interface Known {
  readonly member: Member;
  readonly bytes: Uint8Array;
  readonly bit: number;
}

const none: readonly Known[] = [];
const byLength: readonly (readonly Known[])[] = Array.from({ length: 16 }, (_, length) =>
  members.flatMap((member, index) =>
    member.length === length ? [{ member, bytes: Buffer.from(member), bit: 1 << index }] : [],
  ),
);
/** Ids of trace and span: no span is without. */
export const neededBits = 0b11;

/** The members whose name has that many letters. */
export function knownMembers(length: number): readonly Known[] {
  return byLength[length] ?? none;
}

/** With the quote that ends them. */
export const kinds = ['CLIENT"', 'SERVER"', 'PRODUCER"', 'CONSUMER"'].map((kind) => Buffer.from(kind));

/** Of endpoints and annotations. */
export const keys = {
  serviceName: Buffer.from('serviceName'),
  ipv4: Buffer.from('ipv4'),
  ipv6: Buffer.from('ipv6'),
  port: Buffer.from('port'),
  timestamp: Buffer.from('timestamp'),
  value: Buffer.from('value'),
} as const;

export const flags = { yes: Buffer.from('true'), no: Buffer.from('false') } as const;
