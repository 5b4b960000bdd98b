import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Control } from '../control.js';
import type { SecretBox } from '../secret-box.js';
import type { App } from './context.js';
import { Problem } from './problems.js';

const KEY = /^[\x21-\x7e]{1,200}$/;
export const KEPT_MS = 24 * 3_600_000;
/** Refusals are not kept: whoever mends the request sends it again under the same key. */
const MOST_STATUS = 299;

declare module 'fastify' {
  interface FastifyRequest {
    idempotency: { id: string; digest: string } | undefined;
  }
}

/**
 * Idempotency-Key on writes: the same request under the same key is answered as it was the first time, by whichever
 * replica, for a day. Answers are kept sealed, since one may hold a secret that is shown once.
 */
export function keepAnswers(
  app: App,
  deps: { control: Pick<Control, 'answers'>; box: SecretBox; now(): number },
): void {
  const { control, box, now } = deps;
  const underWay = new Set<string>();
  app.decorateRequest('idempotency', undefined);

  app.addHook('preHandler', async (request, reply) => {
    const key = request.headers['idempotency-key'];
    if (key === undefined || request.method === 'GET' || request.method === 'HEAD' || !request.caller) return;
    if (typeof key !== 'string' || !KEY.test(key))
      throw new Problem(
        'invalid-request',
        'idempotency-key must be 1 to 200 visible ASCII characters: use a UUID, a new one for each thing that is to be done',
      );
    const id = digest(`${request.caller.keyId}\n${key}`);
    const asked = digest(`${request.method} ${request.url}\n${JSON.stringify(request.body ?? null)}`);
    const kept = control.answers.get(id);
    if (kept && now() - kept.at < KEPT_MS) {
      if (kept.request !== asked)
        throw new Problem(
          'idempotency-conflict',
          'this idempotency-key was used for another request: use a new one for each thing that is to be done',
        );
      const body = box.open(kept.body, id).toString();
      reply.header('idempotent-replayed', 'true').status(kept.status);
      if (body === '') return reply.send();
      return reply
        .type('application/json; charset=utf-8')
        .serializer((text) => text as string)
        .send(body);
    }
    if (underWay.has(id))
      throw new Problem(
        'conflict',
        'a request under this idempotency-key is under way: wait for its answer',
        {
          retryAfterSeconds: 1,
        },
      );
    underWay.add(id);
    request.idempotency = { id, digest: asked };
    return;
  });

  app.addHook('onSend', async (request: FastifyRequest, reply: FastifyReply, payload: unknown) => {
    const { idempotency } = request;
    if (idempotency && reply.statusCode <= MOST_STATUS) {
      const body = Buffer.from(typeof payload === 'string' ? payload : '');
      const answer = {
        request: idempotency.digest,
        status: reply.statusCode,
        body: box.seal(body, idempotency.id),
        at: now(),
      };
      // The write itself is done; if this isn't acked, a repetition does it again, as without a key.
      await control.answers.save(idempotency.id, answer, request.caller?.name ?? '').catch(() => {
        reply.header('idempotency-kept', 'false');
      });
    }
    return payload;
  });
  app.addHook('onResponse', async (request) => {
    if (request.idempotency) underWay.delete(request.idempotency.id);
  });
  app.addHook('onRequestAbort', async (request) => {
    if (request.idempotency) underWay.delete(request.idempotency.id);
  });
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
