import type { VNode } from 'preact';
import type { EndpointView } from './api.ts';
import { durationText, momentText } from './format.ts';
import { useSay } from './hooks.ts';
import type { TraceNode, TraceTree } from './trace-tree.ts';

/** All that a span says: where, when, tags and annotations. */
export function SpanDetail({ node, tree }: { readonly node: TraceNode; readonly tree: TraceTree }): VNode {
  const say = useSay();
  const { span } = node;
  const start = tree.startMicros ?? 0;
  const facts: readonly (readonly [string, string])[] = [
    [say('duration'), durationText(span.duration)],
    [say('started'), span.timestamp === undefined ? say('noTime') : momentText(span.timestamp / 1_000)],
    [say('offset'), span.timestamp === undefined ? say('noTime') : durationText(span.timestamp - start)],
    [say('kind'), `${span.kind ?? '–'}${span.shared ? ` (${say('sharedHalf')})` : ''}`],
    [say('spanId'), span.id],
    [say('parentId'), `${span.parentId ?? '–'}${node.orphan ? ` (${say('orphan', { id: '' }).trim()})` : ''}`],
    [say('localEndpoint'), endpointText(span.localEndpoint)],
    [say('remoteEndpoint'), endpointText(span.remoteEndpoint)],
  ];
  const tags = Object.entries(span.tags).sort(([a], [b]) => (a < b ? -1 : 1));
  return (
    <div class="detail">
      <dl>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <section>
        <h3>{say('tags')}</h3>
        {tags.length === 0 && <p class="muted">{say('noTags')}</p>}
        <dl class="tags">
          {tags.map(([key, value]) => (
            <div key={key} class={key === 'error' ? 'bad' : ''}>
              <dt>{key}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      </section>
      {span.annotations.length > 0 && (
        <section>
          <h3>{say('annotations')}</h3>
          <dl class="tags">
            {span.annotations.map((annotation) => (
              <div key={`${annotation.timestamp} ${annotation.value}`}>
                <dt title={momentText(annotation.timestamp / 1_000)}>{durationText(annotation.timestamp - start)}</dt>
                <dd>{annotation.value}</dd>
              </div>
            ))}
          </dl>
        </section>
      )}
    </div>
  );
}

function endpointText(endpoint: EndpointView | undefined): string {
  if (endpoint === undefined) {
    return '–';
  }
  const host = endpoint.ipv4 ?? (endpoint.ipv6 === undefined ? '' : `[${endpoint.ipv6}]`);
  const address = `${host}${endpoint.port === undefined || endpoint.port === 0 ? '' : `:${endpoint.port}`}`;
  return [endpoint.serviceName ?? '', address].filter((part) => part !== '').join(' ') || '–';
}
