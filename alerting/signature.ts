import { createHmac } from 'node:crypto';

/** Standard Webhooks signatures: v1 = HMAC-SHA256 over "id.timestamp.body" with the secret's bytes. */
export const SECRET_PREFIX = 'whsec_';
export const SECRET_BYTES = 32;

/** The form in which a receiver gets the secret, once. */
export function showSecret(bytes: Buffer): string {
  return SECRET_PREFIX + bytes.toString('base64');
}

/** Headers of one attempt. Every active secret signs, so receivers may change theirs whenever they like. */
export function webhookHeaders(
  secrets: readonly Buffer[],
  id: string,
  sentAt: number,
  body: Buffer,
): Record<string, string> {
  const timestamp = String(Math.floor(sentAt / 1000));
  const signatures = secrets.map((secret) => {
    const mac = createHmac('sha256', secret).update(`${id}.${timestamp}.`).update(body).digest('base64');
    return `v1,${mac}`;
  });
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') };
}
