import { timeText } from '../../lib/words.ts';
import { recentMs, type SetupFacts } from './facts.ts';
import { type Light, light } from './light.ts';
import { accessLogCommand } from './snippets.ts';

export type AccessLogFormat = 'text' | 'JSON';

/** Istio's own text format begins with a time in brackets and the quoted request (istio.io, "Envoy Access Logs"). */
const textLine = /^\[\d{4}-\d\d-\d\dT[\d:.]+Z?\] "[^"]*" \d{1,3} /;
const jsonKeys = ['response_code', 'response_flags', 'start_time', 'upstream_cluster', 'authority', 'protocol'];

/** What an access-log line is written in; undefined for any other line. */
export function accessLogFormat(message: string): AccessLogFormat | undefined {
  if (textLine.test(message)) {
    return 'text';
  }
  if (!message.startsWith('{')) {
    return undefined;
  }
  try {
    const value: unknown = JSON.parse(message);
    const keys = typeof value === 'object' && value !== null ? Object.keys(value) : [];
    return jsonKeys.filter((key) => keys.includes(key)).length >= 3 ? 'JSON' : undefined;
  } catch {
    return undefined;
  }
}

export function accessLogLight({ store }: SetupFacts): Light {
  const id = 'access-log';
  if (store === undefined) {
    return light({ id, state: 'unknown', text: 'accessLogNoStore' });
  }
  const lines = store.proxyLines ?? [];
  if (lines.length === 0) {
    return light({ id, state: 'unknown', text: 'accessLogNoProxies', values: { within: timeText(recentMs) } });
  }
  const seen = lines.map((line) => ({ ...line, format: accessLogFormat(line.message) }));
  const access = seen.filter(({ format }) => format !== undefined);
  const formats = [...new Set(access.map(({ format }) => format))].sort();
  const pods = new Set((access.length === 0 ? seen : access).map(({ pod }) => pod)).size;
  return access.length === 0
    ? light({
        id,
        state: 'yellow',
        text: 'accessLogNone',
        values: { lines: lines.length, pods },
        snippet: accessLogCommand,
      })
    : light({
        id,
        state: 'green',
        text: 'accessLogSeen',
        values: {
          pods,
          format: formats.join(' + '),
          lines: access.length,
          traced: access.filter(({ traceId }) => traceId !== undefined).length,
        },
      });
}
