import { randomUUID } from 'node:crypto';
import { isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';
import Type from 'typebox';
import { FORMATS, type Format } from '../../../alerting/formats/format.js';
import { parseTemplate, TemplateError } from '../../../alerting/formats/template.js';
import { testPayload } from '../../../alerting/payload.js';
import { DEFAULT_EVENTS } from '../../../alerting/routes.js';
import { refusal } from '../../../lib/address-guard.js';
import { verdictOf } from '../delivery.js';
import { type Endpoint, newEndpointId, newSecret, requestFor, rotate } from '../endpoints.js';
import type { SecretBox } from '../secret-box.js';
import { asTaken } from '../taken.js';
import { callerOf } from './auth.js';
import type { ApiContext, App } from './context.js';
import { checkIfMatch, contentTag } from './etag.js';
import * as examples from './examples.js';
import { Problem } from './problems.js';
import { domainsFor, owns } from './scope.js';
import {
  ChangeKind,
  EndpointShape,
  endpointShape,
  iso,
  NewEndpointShape,
  pageShape,
  problems,
  Severity,
} from './shapes.js';
import { kafkaWrite } from './writes.js';

const DAY = 86_400_000;
const Names = Type.Array(Type.String({ minLength: 1, maxLength: 200 }), { maxItems: 100 });
const Filters = {
  name: Type.String({ minLength: 1, maxLength: 100 }),
  url: Type.String({ minLength: 1, maxLength: 2048, description: 'an https address' }),
  pipelines: Names,
  domains: Names,
  minSeverity: Severity,
  events: Type.Array(ChangeKind, {
    minItems: 1,
    description: `which changes are sent; default: ${DEFAULT_EVENTS.join(', ')}`,
  }),
};
const Limits = {
  operator: Type.Boolean({
    description: 'also hears of what concerns the alert side itself, such as an endpoint that was disabled',
  }),
  concurrency: Type.Integer({ minimum: 1, maximum: 256, description: 'requests at once' }),
  ratePerMinute: Type.Integer({
    minimum: 1,
    maximum: 1_000_000,
    description: 'webhooks a minute; beyond, they wait and go out in digests',
  }),
};
const Formatting = {
  format: Type.Enum([...FORMATS], {
    description: 'standard: signed JSON by Standard Webhooks; the others: what that service takes',
  }),
  credential: Type.String({
    maxLength: 500,
    description:
      'routing key of PagerDuty, API key of Opsgenie, signing secret of a Feishu or DingTalk robot; never shown again',
  }),
  template: Type.String({
    maxLength: 10_000,
    description:
      'of the format template: a JSON object with {{title}}, {{text}}, {{severity}} … in its texts',
  }),
  language: Type.String({ pattern: '^[a-z]{2}(-[A-Z]{2})?$', description: 'of sentences; en if left out' }),
};
const { name, url, ...rest } = Filters;
const NewEndpoint = Type.Object(
  { url, ...Type.Partial(Type.Object({ name, ...rest, ...Limits, ...Formatting })).properties },
  {
    additionalProperties: false,
    examples: [{ url: 'https://hooks.example.com/riskwire', name: 'Operations', minSeverity: 'high' }],
  },
);
const ChangedEndpoint = Type.Partial(
  Type.Object({ ...Filters, ...Limits, ...Formatting, state: Type.Enum(['enabled', 'disabled']) }),
  {
    additionalProperties: false,
    minProperties: 1,
    examples: [{ minSeverity: 'medium', ratePerMinute: 30 }],
  },
);
const Id = Type.Object({ id: Type.String({ maxLength: 64 }) });
const tags = ['endpoints'];

/** Webhook receivers. */
export function endpointRoutes(app: App, context: ApiContext): void {
  const { control, box, client, now } = context;
  const shape = (endpoint: Endpoint) => endpointShape(endpoint, context.breakerState(endpoint.id), now());

  function endpointOf(id: string, request: FastifyRequest): Endpoint {
    const endpoint = control.endpoint(id);
    if (!endpoint || !owns(request, endpoint))
      throw new Problem('not-found', `there is no endpoint ${id}: GET /v1/endpoints lists them`);
    return endpoint;
  }

  app.get(
    '/endpoints',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'List the webhook receivers',
        response: { 200: pageShape(EndpointShape), ...problems() },
      },
    },
    async (request) => ({
      items: control
        .endpoints()
        .filter((one) => owns(request, one))
        .map(shape),
      next: null,
    }),
  );

  app.get(
    '/endpoints/:id',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'One webhook receiver',
        params: Id,
        response: { 200: EndpointShape, ...problems(304, 404) },
      },
    },
    async (request, reply) => {
      const endpoint = endpointOf(request.params.id, request);
      reply.header('etag', tagOf(endpoint));
      return shape(endpoint);
    },
  );

  app.post(
    '/endpoints',
    {
      config: { role: 'operator' },
      schema: {
        tags,
        summary: 'Add a webhook receiver',
        description: 'The answer holds the signing secret, this once.',
        body: NewEndpoint,
        response: { 201: NewEndpointShape, ...problems(422, 503) },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const { body } = request;
      const id = newEndpointId();
      const secret = newSecret(id, box, now());
      const endpoint: Endpoint = {
        id,
        name: body.name ?? new URL(checkedUrl(body.url, context)).host,
        url: checkedUrl(body.url, context),
        pipelines: body.pipelines ?? [],
        domains: domainsFor(request, body.domains) ?? [],
        minSeverity: body.minSeverity ?? 'low',
        events: body.events ?? [...DEFAULT_EVENTS],
        state: 'enabled',
        stateReason: '',
        secrets: [secret.stored],
        createdAt: now(),
        createdBy: caller.name,
        ...limitsOf(body),
        ...formattingOf(body, id, box),
      };
      checkFormat(endpoint);
      await kafkaWrite(control.saveEndpoint(endpoint, caller.name));
      return reply.status(201).send({ ...shape(endpoint), secret: secret.shown });
    },
  );

  app.patch(
    '/endpoints/:id',
    {
      config: { role: 'operator' },
      schema: {
        tags,
        summary: 'Change, disable or enable a webhook receiver',
        params: Id,
        body: ChangedEndpoint,
        response: { 200: EndpointShape, ...problems(404, 412, 422, 503) },
      },
    },
    async (request) => {
      const caller = callerOf(request);
      const before = endpointOf(request.params.id, request);
      checkIfMatch(request, tagOf(before));
      const { body } = request;
      const domains = domainsFor(request, body.domains ?? before.domains);
      const stateReason =
        body.state === 'disabled' ? `by ${caller.name}` : body.state === 'enabled' ? '' : before.stateReason;
      const { credential: _credential, ...plain } = body;
      const after: Endpoint = {
        ...before,
        ...plain,
        ...formattingOf(body, before.id, box),
        url: body.url === undefined ? before.url : checkedUrl(body.url, context),
        stateReason,
        ...(domains ? { domains } : {}),
        ...(body.state === 'enabled' && before.state === 'disabled' ? { enabledAt: now() } : {}),
      };
      checkFormat(after);
      await kafkaWrite(control.saveEndpoint(after, caller.name));
      return shape(after);
    },
  );

  app.delete(
    '/endpoints/:id',
    {
      config: { role: 'operator' },
      schema: {
        tags,
        summary: 'Delete a webhook receiver; what is pending for it is dropped',
        params: Id,
        response: { 204: Type.Null(), ...problems(404, 412, 422, 503) },
      },
    },
    async (request, reply) => {
      checkIfMatch(request, tagOf(endpointOf(request.params.id, request)));
      await kafkaWrite(
        control.deleteEndpoint(endpointOf(request.params.id, request).id, callerOf(request).name),
      );
      return reply.status(204).send(null);
    },
  );

  app.post(
    '/endpoints/:id/rotate-secret',
    {
      config: { role: 'operator' },
      schema: {
        tags,
        summary: 'Make a new signing secret; the one before signs along for a while',
        params: Id,
        body: Type.Object(
          { overlapHours: Type.Number({ minimum: 0, maximum: 720, default: 24 }) },
          { additionalProperties: false, examples: [{ overlapHours: 48 }] },
        ),
        response: { 200: NewEndpointShape, ...problems(404, 422, 503) },
      },
    },
    async (request) => {
      const secret = newSecret(request.params.id, box, now());
      const endpoint = rotate(
        endpointOf(request.params.id, request),
        secret.stored,
        now(),
        (request.body.overlapHours * DAY) / 24,
      );
      await kafkaWrite(control.saveEndpoint(endpoint, callerOf(request).name));
      return { ...shape(endpoint), secret: secret.shown };
    },
  );

  app.post(
    '/endpoints/:id/test',
    {
      config: { role: 'operator' },
      schema: {
        tags,
        summary: 'Send a signed test event now and say what came of it',
        description: 'Goes out whatever the breaker says, and does not count for it.',
        params: Id,
        response: {
          200: Type.Object(
            {
              delivered: Type.Boolean(),
              webhookId: Type.String(),
              sentAt: Type.String({ format: 'date-time' }),
              status: Type.Integer({ description: 'HTTP status, 0 when there was no answer' }),
              durationMs: Type.Number(),
              answer: Type.String({ description: 'the beginning of the receiver’s answer' }),
              error: Type.String(),
            },
            { examples: [examples.tested] },
          ),
          ...problems(404, 422),
        },
      },
    },
    async (request) => {
      const endpoint = endpointOf(request.params.id, request);
      const sentAt = now();
      const webhookId = `test_${randomUUID()}`;
      const body = testPayload(endpoint.id, sentAt);
      const message = requestFor(endpoint, box, webhookId, sentAt, body);
      const result = asTaken(endpoint, await client.post(message.url, message.headers, message.body));
      const answered = result.kind === 'answer';
      return {
        delivered: verdictOf(result) === 'succeeded',
        webhookId,
        sentAt: iso(sentAt),
        status: answered ? result.status : 0,
        durationMs: result.durationMs,
        answer: answered ? result.body : '',
        error: answered ? '' : `${result.code}: ${result.message}`,
      };
    },
  );
}

type FormattingBody = Partial<{ format: Format; credential: string; template: string; language: string }>;

function formattingOf(body: FormattingBody, id: string, box: SecretBox) {
  const { format, credential, template, language } = body;
  return {
    ...(format === undefined ? {} : { format }),
    ...(credential === undefined ? {} : { credential: box.seal(Buffer.from(credential), id) }),
    ...(template === undefined ? {} : { template }),
    ...(language === undefined ? {} : { language }),
  };
}

/** A format that needs something must have it. */
function checkFormat(endpoint: Endpoint): void {
  const { format = 'standard', credential, template } = endpoint;
  const refuse = (field: string, remedy: string, value?: string) => {
    throw new Problem('unprocessable', `${field} ${remedy}`, { errors: [{ field, value, remedy }] });
  };
  if ((format === 'pagerduty' || format === 'opsgenie') && !credential)
    refuse('credential', `is missing: the format ${format} needs the service’s key`);
  if (format !== 'template') return;
  if (template === undefined) refuse('template', 'is missing: the format template needs one');
  try {
    parseTemplate(template ?? '');
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    refuse('template', error.message, template?.slice(0, 200));
  }
}

function limitsOf(body: Partial<Pick<Endpoint, keyof typeof Limits>>) {
  const { operator, concurrency, ratePerMinute } = body;
  return {
    ...(operator === undefined ? {} : { operator }),
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(ratePerMinute === undefined ? {} : { ratePerMinute }),
  };
}

/** Of what is stored: the breaker's state changes by itself and differs between replicas. */
function tagOf(endpoint: Endpoint): string {
  return contentTag(JSON.stringify(endpoint));
}

/** Refuses what can be seen to be wrong already; the address itself is checked each time it is connected to. */
function checkedUrl(text: string, { allow }: Pick<ApiContext, 'allow'>): string {
  const fault = (remedy: string) =>
    new Problem('unprocessable', `url is ${JSON.stringify(text.slice(0, 200))}, ${remedy}`, {
      errors: [{ field: 'url', value: text.slice(0, 200), remedy }],
    });
  if (!URL.canParse(text))
    throw fault('which is not an address: use one such as https://example.com/hooks/riskwire');
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw fault('which is neither https nor http: use https');
  if (url.username || url.password)
    throw fault('which holds a user name or password: leave them out, the signature says who sends');
  if (url.hash) throw fault('which has a fragment (#…) that is never sent: leave it out');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const secure = url.protocol === 'https:';
  const why = isIP(host)
    ? refusal(host, allow, secure)
    : !secure && allow.length === 0
      ? 'and plain http is for the ranges in RISKWIRE_WEBHOOK_ALLOW only; use https'
      : undefined;
  if (why) throw fault(why);
  return url.href;
}
