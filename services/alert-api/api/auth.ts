import type { FastifyRequest } from 'fastify';
import { authenticate, type Caller, mayAct } from '../api-keys.js';
import type { ApiContext } from './context.js';
import { Problem } from './problems.js';

/** Who asks, from the Authorization header; the rate limit counts by it. */
export function identify(
  context: Pick<ApiContext, 'control' | 'bootstrap'>,
  request: FastifyRequest,
): Caller | undefined {
  return authenticate(request.headers.authorization, (id) =>
    context.bootstrap?.id === id ? context.bootstrap : context.control.key(id),
  );
}

/** Lets the request through if its route is open or its caller has the role for it. */
export function authorize(request: FastifyRequest): void {
  const { role } = request.routeOptions.config;
  if (role === undefined) return;
  const { caller } = request;
  if (!caller) {
    const given = request.headers.authorization !== undefined;
    throw new Problem(
      'unauthenticated',
      `${given ? 'the Authorization header holds no key that is known here' : 'there is no Authorization header'}: send "Authorization: Bearer rw_…" with a key that an admin made by POST /v1/api-keys`,
    );
  }
  if (!mayAct(caller.role, role)) {
    throw new Problem(
      'forbidden',
      `the key "${caller.name}" has the role ${caller.role}, and this takes ${role}: ask an admin for such a key`,
    );
  }
}

/** The caller of a route that asks for a role. */
export function callerOf(request: FastifyRequest): Caller {
  if (!request.caller) throw new Problem('unauthenticated', 'send "Authorization: Bearer rw_…"');
  return request.caller;
}
