import { protocolErrorsCodesById } from '@platformatic/kafka';
import type { RetryCause } from '../../contract/output.ts';

/**
 * What the broker's error codes come to (Apache Kafka, protocol guide, "Error Codes"). `appended`: it stands in the log.
 * `too large`: smaller batches may do. `refused`: it will never be taken. `lost count`: the broker does not follow our
 * numbers, so we begin anew. Anything else is a failure: try again. `unsure` failures may have been appended all the same.
 */
export type Verdict =
  | { readonly is: 'appended' }
  | { readonly is: 'too large' }
  | { readonly is: 'refused' }
  | { readonly is: 'lost count' }
  | {
      readonly is: 'failed';
      readonly kind: RetryCause;
      /** Where to look, for a person. */
      readonly advice?: string;
      readonly isUnsure: boolean;
      /** Others know better now who leads which partition. */
      readonly isStale: boolean;
    };

const appended = new Set([0, 46]);
const tooLarge = new Set([10, 18]);
const refused = new Set([32, 43, 87]);
const lostCount = new Set([45, 47, 59, 90]);
const stale = new Set([3, 5, 6, 8, 9, 72, 74, 75, 100, 103]);
/** The leader said no before it wrote anything. */
const notWritten = new Set([2, 3, 14, 15, 16, 17, 19, 29, 31, 44, 58, 65, 76, 89]);
const busy = new Set([3, 5, 6, 7, 8, 9, 14, 15, 16, 19, 20, 72, 74, 75, 89, 100, 103]);

const advices: ReadonlyMap<number, string> = new Map([
  [17, 'the brokers do not allow a topic of that name: change `topics`'],
  [29, 'allow this user to write to the topic: kafka-acls --add --producer --topic NAME --allow-principal User:NAME'],
  [31, 'allow this user IdempotentWrite on the cluster'],
  [33, 'the brokers do not speak this `sasl.mechanism`'],
  [34, 'this listener of the broker wants no login: remove `sasl`'],
  [35, 'the brokers are too old: Kafka 1.0 or later is needed'],
  [44, "the brokers' policy does not allow it"],
  [58, 'check `username` and `password` in `sasl`'],
  [65, 'the delegation token is not valid'],
  [76, 'the brokers do not take this `compression`: choose another'],
]);

/** Such as `MESSAGE_TOO_LARGE`. */
export function codeName(code: number): string {
  return protocolErrorsCodesById[code] ?? `error ${code}`;
}

export function verdictOf(code: number): Verdict {
  if (appended.has(code)) {
    return { is: 'appended' };
  }
  if (tooLarge.has(code)) {
    return { is: 'too large' };
  }
  if (refused.has(code)) {
    return { is: 'refused' };
  }
  if (lostCount.has(code)) {
    return { is: 'lost count' };
  }
  const advice = advices.get(code);
  const kind = advice === undefined ? (busy.has(code) ? 'busy' : 'server_error') : 'misconfigured';
  return {
    is: 'failed',
    kind,
    ...(advice !== undefined && { advice }),
    isUnsure: !notWritten.has(code),
    isStale: stale.has(code),
  };
}
