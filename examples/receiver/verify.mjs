import { createHmac, timingSafeEqual } from 'node:crypto';

/** Older or newer than this, a request may be one that somebody recorded and sends again. */
const TOLERANCE_SECONDS = 300;

/**
 * Checks a webhook by Standard Webhooks (https://www.standardwebhooks.com) and returns what it says. The libraries of
 * that page do the same in many languages; this shows how little it takes.
 *
 * `secret` is the whsec_… that POST /v1/endpoints showed, `headers` as Node gives them (lower case), `body` the exact
 * bytes that came: parse them only after this, and never sign what was parsed and written again.
 */
export function verify(secret, headers, body, now = Date.now()) {
  const id = headers['webhook-id'];
  const timestamp = headers['webhook-timestamp'];
  const signatures = headers['webhook-signature'];
  if (!id || !timestamp || !signatures) throw new Error('one of webhook-id, webhook-timestamp, webhook-signature is missing');
  if (!(Math.abs(now / 1000 - Number(timestamp)) <= TOLERANCE_SECONDS)) throw new Error('webhook-timestamp is too far from this clock');

  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest();
  // During a rotation there are two signatures; one of them is by our secret.
  const genuine = signatures.split(' ').some((one) => {
    const [version, value = ''] = one.split(',');
    const given = Buffer.from(value, 'base64');
    return version === 'v1' && given.length === expected.length && timingSafeEqual(given, expected);
  });
  if (!genuine) throw new Error('no signature of webhook-signature is by this secret');
  return { id, ...JSON.parse(body.toString()) };
}
