import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { SECRET_BYTES, showSecret, webhookHeaders } from './signature.js';

const body = Buffer.from(JSON.stringify({ type: 'incident.opened', data: { entity: 'Karte №1 卡' } }));

test('an independent library verifies the signature', () => {
  const secret = randomBytes(SECRET_BYTES);
  const headers = webhookHeaders([secret], 'dlv_1', Date.now(), body);
  expect(new Webhook(showSecret(secret)).verify(body, headers)).toEqual(JSON.parse(body.toString()));
});

test('during a rotation either secret verifies, another one does not', () => {
  const [newer, older, other] = [randomBytes(32), randomBytes(32), randomBytes(32)];
  const headers = webhookHeaders([newer, older], 'dlv_1', Date.now(), body);
  for (const secret of [newer, older])
    expect(() => new Webhook(showSecret(secret)).verify(body, headers)).not.toThrow();
  expect(() => new Webhook(showSecret(other)).verify(body, headers)).toThrow();
});

test.each(['webhook-id', 'webhook-timestamp', 'body'])('a changed %s breaks it', (what) => {
  const secret = randomBytes(32);
  const headers = webhookHeaders([secret], 'dlv_1', Date.now(), body);
  if (what === 'webhook-id') headers[what] = 'dlv_2';
  if (what === 'webhook-timestamp') headers[what] = String(Number(headers[what]) + 1);
  const sent = what === 'body' ? Buffer.concat([body, Buffer.from(' ')]) : body;
  expect(() => new Webhook(showSecret(secret)).verify(sent, headers)).toThrow();
});
