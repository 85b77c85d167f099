import type { Endpoint } from '../../../model/span.ts';
import type { LinkSpan } from './link-span.ts';

/**
 * Puts the parts of spans together that were sent in pieces, and mends what tracers leave out of shared spans
 * (spec of the reference's readers: by id, not shared before shared, clients first, no endpoint first).
 */
export function mergeTrace(spans: readonly LinkSpan[]): LinkSpan[] {
  const sorted = [...spans].sort(byCleanUp);
  const merged: LinkSpan[] = [];
  for (let i = 0; i < sorted.length; ) {
    const { span, next } = mergeParts(sorted, i);
    const before = merged.at(-1);
    merged.push(before?.id === span.id ? mendShared(before, span) : span);
    i = next;
  }
  return merged;
}

/** Neighbours of one id and one side whose endpoints do not contradict each other. */
function mergeParts(sorted: readonly LinkSpan[], from: number): { span: LinkSpan; next: number } {
  let next = from + 1;
  let span = sorted[from] ?? missing();
  for (let part = sorted[next]; part !== undefined; part = sorted[next]) {
    if (part.id !== span.id || part.shared !== span.shared || !compatible(span.local, part.local)) {
      break;
    }
    span = mergePart(span, part);
    next++;
  }
  return { span, next };
}

function missing(): never {
  throw new Error('no span at that index');
}

function mergePart(span: LinkSpan, part: LinkSpan): LinkSpan {
  return {
    id: span.id,
    parentId: span.parentId ?? part.parentId,
    kind: span.kind ?? part.kind,
    shared: span.shared,
    timestamp: earlier(span.timestamp, part.timestamp),
    duration: longer(span.duration, part.duration),
    local: mergeEndpoint(span.local, part.local),
    remote: mergeEndpoint(span.remote, part.remote),
    error: span.error || part.error,
  };
}

function earlier(a: number, b: number): number {
  return a === 0 || b === 0 ? a + b : Math.min(a, b);
}

function longer(a: number, b: number): number {
  return Number.isNaN(a) || b > a ? b : a;
}

function mergeEndpoint(a: Endpoint | undefined, b: Endpoint | undefined): Endpoint | undefined {
  return a === undefined || b === undefined ? (a ?? b) : { ...b, ...a };
}

/** A server half without the flag, behind the client half of its id; and a shared half without its parent. */
function mendShared(before: LinkSpan, span: LinkSpan): LinkSpan {
  const shared = span.shared || (before.kind === 'CLIENT' && span.kind === 'SERVER');
  const parentId = span.parentId ?? (shared ? before.parentId : undefined);
  return { ...span, shared, parentId };
}

function compatible(a: Endpoint | undefined, b: Endpoint | undefined): boolean {
  return (
    a === undefined ||
    b === undefined ||
    (equalOrAbsent(a.serviceName, b.serviceName) &&
      equalOrAbsent(a.ipv4, b.ipv4) &&
      equalOrAbsent(a.ipv6, b.ipv6) &&
      equalOrAbsent(a.port, b.port))
  );
}

function equalOrAbsent<T>(a: T | undefined, b: T | undefined): boolean {
  return a === undefined || b === undefined || a === b;
}

function byCleanUp(a: LinkSpan, b: LinkSpan): number {
  return (
    compare(a.id, b.id) ||
    Number(a.shared) - Number(b.shared) ||
    clientsFirst(a, b) ||
    compare(a.local?.serviceName, b.local?.serviceName) ||
    compare(a.local?.ipv4, b.local?.ipv4) ||
    compare(a.local?.ipv6, b.local?.ipv6)
  );
}

function clientsFirst(a: LinkSpan, b: LinkSpan): number {
  return a.shared ? 0 : Number(b.kind === 'CLIENT') - Number(a.kind === 'CLIENT');
}

/** What is absent comes first. */
function compare(a: string | undefined, b: string | undefined): number {
  if (a === b) {
    return 0;
  }
  return (a ?? '') < (b ?? '') ? -1 : 1;
}
