import { type BaseLogger, pino } from 'pino';
import type { Logger } from '../contract/runtime.ts';

export type LogLevelName = 'debug' | 'info' | 'warn' | 'error';

export interface RootLogger extends Logger {
  /** A logger that adds `component` to every line. */
  component(id: string): Logger;
}

/** JSON lines on stderr, so that stdout stays free for the output of that name. */
export function createLogger(level: LogLevelName): RootLogger {
  const root = pino(
    { level, base: null, serializers: { error: pino.stdSerializers.err } },
    pino.destination({ fd: 2, sync: true }),
  );
  return { ...logger(root), component: (id) => logger(root.child({ component: id })) };
}

function logger(to: BaseLogger): Logger {
  return {
    debug: (fields, message) => to.debug(fields, message),
    info: (fields, message) => to.info(fields, message),
    warn: (fields, message) => to.warn(fields, message),
    error: (fields, message) => to.error(fields, message),
  };
}
