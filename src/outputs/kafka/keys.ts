import type { RecordDecoder } from '../../contract/output.ts';
import type { QueueRecord } from '../../model/batch.ts';
import { paddedTraceId } from '../../model/span.ts';

/**
 * Under which key each item of a record goes, so that what must keep its order goes to one partition: a span's trace, the
 * target of a sample, the container of a line, the session or else the application of a browser's point. Undefined where
 * that is not known. Throws BRIDGE_DECODE.
 */
export function keysOf(record: QueueRecord, decode: RecordDecoder): (index: number) => string | undefined {
  switch (record.signal) {
    case 'traces': {
      const spans = decode.spans(record);
      return (index) => paddedTraceId(spans[index]?.traceId ?? '');
    }
    case 'metrics': {
      const key = targetOf(record, decode);
      return () => key;
    }
    case 'logs': {
      const key = containerOf(record);
      return () => key;
    }
    case 'rum': {
      const points = decode.points(record);
      return (index) => {
        const { tags = {} } = points[index] ?? {};
        return known(tags['session_id']) ?? known(tags['app_id']);
      };
    }
    default:
      return record.signal satisfies never;
  }
}

function targetOf(record: QueueRecord, decode: RecordDecoder): string | undefined {
  const labels = decode.frame(record).shape.series[0]?.labels ?? [];
  const parts = ['job', 'instance'].flatMap((wanted) => labels.find(([name]) => name === wanted)?.[1] ?? []);
  return known(parts.join('/'));
}

function containerOf({ origin }: QueueRecord): string | undefined {
  const { namespace, pod, container, source } = origin;
  const parts = [namespace, pod, container].filter((part) => part !== undefined);
  return known(parts.join('/')) ?? source;
}

function known(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
