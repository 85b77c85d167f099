import type { TraceQuery } from '../../../contract/store.ts';
import type { BlockTable } from './block-table.ts';
import type { BlockView } from './block-view.ts';
import { bloomHas } from './bloom.ts';
import { hashText } from './hash.ts';
import type { NameBook } from './name-book.ts';

/** Names of a partition's tables, looked up once a partition. */
export interface TableNames {
  readonly table: BlockTable;
  readonly book: NameBook;
}

/** One thing that a span of the trace must be. */
export interface Condition {
  /** The smaller, the fewer traces are expected to have it. */
  readonly rank: number;
  /** May a span of that block hold it, as far as the tables say? */
  mayHold(names: TableNames, block: number): boolean;
  /** As far as the bloom filter says. */
  mayHoldBloom(bloom: Uint8Array): boolean;
  /** Does the condition need the bloom filter? */
  readonly usesBloom: boolean;
  /** Which spans of the block hold it. */
  on(view: BlockView): (index: number) => boolean;
}

const everySpan = { usesBloom: false, mayHold: () => true, mayHoldBloom: () => true } as const;

/**
 * The conditions of a search. With a service, every one must hold on a span of that service; different spans may hold
 * different ones. Never empty.
 */
export function conditionsOf(query: TraceQuery): Condition[] {
  const conditions = [
    ...query.annotations.map(annotationCondition),
    ...(query.minDurationMicros === undefined
      ? []
      : [durationCondition(query.minDurationMicros, query.maxDurationMicros ?? Number.POSITIVE_INFINITY)]),
    ...(query.remoteServiceName === undefined ? [] : [remoteCondition(query.remoteServiceName)]),
    ...(query.spanName === undefined ? [] : [nameCondition(query.spanName)]),
  ];
  const { serviceName } = query;
  if (serviceName !== undefined) {
    const service = serviceCondition(serviceName);
    return conditions.length === 0 ? [service] : conditions.map((condition) => both(service, condition));
  }
  return conditions.length === 0 ? [{ ...everySpan, rank: 9, on: () => () => true }] : conditions;
}

function both(service: Condition, condition: Condition): Condition {
  return {
    rank: condition.rank,
    usesBloom: condition.usesBloom,
    mayHold: (names, block) => service.mayHold(names, block) && condition.mayHold(names, block),
    mayHoldBloom: condition.mayHoldBloom,
    on: (view) => {
      const ofService = service.on(view);
      const holds = condition.on(view);
      return (index) => ofService(index) && holds(index);
    },
  };
}

function serviceCondition(name: string): Condition {
  return {
    ...everySpan,
    rank: 5,
    mayHold: ({ table, book }, block) => table.mayHaveService(block, book.find(name)),
    on: (view) => (index) => view.serviceName(index) === name,
  };
}

function nameCondition(name: string): Condition {
  return {
    ...everySpan,
    rank: 4,
    mayHold: ({ table, book }, block) => table.mayHaveSpanName(block, book.find(name)),
    on: (view) => (index) => view.optionalString(view.name[index]) === name,
  };
}

function remoteCondition(name: string): Condition {
  return {
    ...everySpan,
    rank: 3,
    mayHold: ({ table, book }, block) => table.mayHaveRemote(block, book.find(name)),
    on: (view) => (index) => view.remoteServiceName(index) === name,
  };
}

function durationCondition(minMicros: number, maxMicros: number): Condition {
  return {
    ...everySpan,
    rank: 2,
    mayHold: ({ table }, block) => table.maxDurationMicros(block) >= minMicros,
    on: (view) => (index) => {
      const duration = view.duration[index] ?? Number.NaN;
      return duration >= minMicros && duration <= maxMicros;
    },
  };
}

/** `key=value` is a tag; a bare word is a tag's key or an annotation's value. */
function annotationCondition({ key, value }: { readonly key: string; readonly value?: string }): Condition {
  const hash = hashText(key, value);
  const isError = key === 'error';
  return {
    rank: value === undefined ? 1 : 0,
    usesBloom: true,
    mayHold: ({ table }, block) => !isError || value === undefined || table.hasError(block),
    mayHoldBloom: (bloom) => bloomHas(bloom, hash),
    on: (view) => {
      const pairs = matchingPairs(view, key, value);
      return (index) => hasPair(view, index, pairs) || (value === undefined && hasAnnotation(view, index, key));
    },
  };
}

function matchingPairs(view: BlockView, key: string, value: string | undefined): Uint8Array {
  const matching = new Uint8Array(view.pairs);
  for (let pair = 0; pair < view.pairs; pair++) {
    const keyEqual = view.string(view.pairKey[pair] ?? 0) === key;
    matching[pair] = keyEqual && (value === undefined || view.string(view.pairValue[pair] ?? 0) === value) ? 1 : 0;
  }
  return matching;
}

function hasPair(view: BlockView, index: number, pairs: Uint8Array): boolean {
  const end = view.tagBegin[index + 1] ?? 0;
  for (let at = view.tagBegin[index] ?? 0; at < end; at++) {
    if (pairs[view.tagPair[at] ?? 0] === 1) {
      return true;
    }
  }
  return false;
}

function hasAnnotation(view: BlockView, index: number, value: string): boolean {
  const end = view.annotationBegin[index + 1] ?? 0;
  for (let at = view.annotationBegin[index] ?? 0; at < end; at++) {
    if (view.string(view.annotationValue[at] ?? 0) === value) {
      return true;
    }
  }
  return false;
}
