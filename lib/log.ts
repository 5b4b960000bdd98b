import { pino } from 'pino';

/** What the code needs of a logger; pino's satisfies it and a test can pass a few functions. */
export interface Logger {
  trace(fields: object, message?: string): void;
  debug(fields: object, message?: string): void;
  info(fields: object, message?: string): void;
  warn(fields: object, message?: string): void;
  error(fields: object, message?: string): void;
  fatal(fields: object, message?: string): void;
  child(fields: object): Logger;
}

/** Names whose values never belong into a log, at the top level and one below. */
const SECRETS = ['password', 'secret', 'secrets', 'apiKey', 'token', 'authorization', 'cookie'];

const redact = {
  paths: SECRETS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]),
  censor: '[redacted]',
};

export interface LogOptions {
  level?: string;
  /** where lines go; default: stdout, in order and without a worker, so that no line is lost at the end */
  destination?: { write(line: string): void };
}

/** One JSON object a line on stdout, with `service` in each. */
export function createLog(service: string, { level = 'info', destination }: LogOptions = {}): Logger {
  const options = {
    level,
    base: { service },
    redact,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { error: pino.stdSerializers.err },
  };
  return pino(options, destination ?? pino.destination({ fd: 1, sync: true }));
}

/** A logger that drops everything. */
export function silentLog(): Logger {
  return pino({ level: 'silent' });
}
