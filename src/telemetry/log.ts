import { type BaseLogger, pino } from 'pino';
import type { Logger } from '../contract/runtime.ts';

export type LogLevelName = 'debug' | 'info' | 'warn' | 'error';

export interface RootLogger extends Logger {
  /** A logger that adds `component` to every line. */
  component(id: string): Logger;
  /** For all that it gave out, too. */
  setLevel(level: LogLevelName): void;
}

const levels: Readonly<Record<LogLevelName, number>> = { debug: 20, info: 30, warn: 40, error: 50 };

/** JSON lines on stderr, so that stdout stays free for the output of that name. */
export function createLogger(level: LogLevelName): RootLogger {
  const root = pino(
    { level: 'debug', base: null, serializers: { error: pino.stdSerializers.err } },
    pino.destination({ fd: 2, sync: true }),
  );
  let least = levels[level];
  const isWanted = (one: LogLevelName): boolean => levels[one] >= least;
  return {
    ...logger(root, isWanted),
    component: (id) => logger(root.child({ component: id }), isWanted),
    setLevel: (other) => {
      least = levels[other];
    },
  };
}

function logger(to: BaseLogger, isWanted: (level: LogLevelName) => boolean): Logger {
  const at =
    (level: LogLevelName) =>
    (fields: object, message: string): void => {
      if (isWanted(level)) {
        to[level](fields, message);
      }
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
