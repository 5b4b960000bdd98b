/** Every error that the API answers with, in one table (RFC 9457 problem details). */
export const PROBLEMS = {
  'invalid-request': { status: 400, title: 'The request does not fit its schema' },
  unauthenticated: { status: 401, title: 'No valid API key was given' },
  forbidden: { status: 403, title: 'The API key may not do this' },
  'not-found': { status: 404, title: 'There is no such thing' },
  'no-route': { status: 404, title: 'There is no such address' },
  conflict: { status: 409, title: 'It can not be done in the present state' },
  'changed-meanwhile': { status: 412, title: 'It has changed since it was read' },
  'too-large': { status: 413, title: 'The body is too large' },
  'unsupported-media-type': { status: 415, title: 'The body is not JSON' },
  'idempotency-conflict': { status: 422, title: 'The idempotency key was used for another request' },
  unprocessable: { status: 422, title: 'A value can not be accepted' },
  'too-many-requests': { status: 429, title: 'Too many requests' },
  internal: { status: 500, title: 'Something failed here' },
  'kafka-away': { status: 503, title: 'Kafka does not take the change at the moment' },
  'clickhouse-away': { status: 503, title: 'ClickHouse does not answer at the moment' },
} as const;
export type ProblemCode = keyof typeof PROBLEMS;

export interface FieldFault {
  field: string;
  value?: unknown;
  remedy: string;
}

export interface ProblemBody {
  type: string;
  title: string;
  status: number;
  code: ProblemCode;
  detail: string;
  instance?: string;
  errors?: FieldFault[];
}

/** Thrown by a route, answered as problem details. The detail names the field or thing, its value and the remedy. */
export class Problem extends Error {
  constructor(
    readonly code: ProblemCode,
    readonly detail: string,
    readonly extra: { errors?: FieldFault[]; retryAfterSeconds?: number; cause?: unknown } = {},
  ) {
    super(detail, { cause: extra.cause });
  }

  get status(): number {
    return PROBLEMS[this.code].status;
  }

  body(instance: string): ProblemBody {
    const { status, title } = PROBLEMS[this.code];
    const { errors } = this.extra;
    return {
      type: `urn:riskwire:problem:${this.code}`,
      title,
      status,
      code: this.code,
      detail: this.detail,
      instance,
      ...(errors ? { errors } : {}),
    };
  }
}

interface FastifyFault {
  statusCode?: number;
  code?: string;
  message?: string;
  validation?: { instancePath: string; keyword: string; message?: string; params: Record<string, unknown> }[];
  validationContext?: string;
}

/** What an error thrown anywhere in a request is answered as. Errors are told apart by code and status, never by their text. */
export function problemOf(
  error: unknown,
  request: { body?: unknown; query?: unknown; params?: unknown },
): Problem {
  if (error instanceof Problem) return error;
  const fault = error as FastifyFault;
  if (fault.validation) {
    const context = fault.validationContext ?? 'body';
    const source = { body: request.body, querystring: request.query, params: request.params }[context];
    const errors = fault.validation.map((one) => fieldFault(one, source));
    return new Problem(
      'invalid-request',
      errors.map(({ field, remedy }) => `${field} ${remedy}`).join('; '),
      { errors },
    );
  }
  switch (fault.statusCode) {
    case 413:
      return new Problem('too-large', 'the body is over 64 kB: send less');
    case 415:
      return new Problem('unsupported-media-type', 'send the body with content-type: application/json');
    case 429:
      return new Problem('too-many-requests', fault.message ?? 'wait a while');
    case 400:
      return new Problem(
        'invalid-request',
        `the request could not be read (${fault.code ?? fault.message}): send valid JSON`,
      );
  }
  return new Problem(
    'internal',
    'the fault is in the log of this service; try again, and report it if it stays',
    { cause: error },
  );
}

function fieldFault(one: NonNullable<FastifyFault['validation']>[number], source: unknown): FieldFault {
  const path = one.instancePath.split('/').slice(1);
  const { missingProperty, additionalProperty, allowedValues } = one.params as {
    missingProperty?: string;
    additionalProperty?: string;
    allowedValues?: unknown[];
  };
  if (missingProperty) return { field: [...path, missingProperty].join('.'), remedy: 'is missing: add it' };
  if (additionalProperty)
    return {
      field: [...path, additionalProperty].join('.'),
      remedy: 'is not known here: check its spelling or leave it out',
    };
  let value: unknown = source;
  for (const part of path)
    value =
      typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[part] : undefined;
  const must = allowedValues ? `must be one of ${allowedValues.join(', ')}` : (one.message ?? 'does not fit');
  return { field: path.join('.') || 'the request', value, remedy: `is ${shown(value)} but ${must}` };
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'not set';
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
