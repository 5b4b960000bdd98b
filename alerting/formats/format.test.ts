import { createHmac } from 'node:crypto';
import Schema from 'typebox/schema';
import { digestPayload } from '../digest.js';
import { incidentOf } from '../incident-example.js';
import { incidentPayload, testPayload } from '../payload.js';
import { type Format, refusalIn, render } from './format.js';
import * as published from './published.js';

const NOW = Date.UTC(2026, 0, 5, 12);
const KEY = 'k'.repeat(32);
const hostile = incidentOf({
  entity: '[click](https://evil.example) <@everyone> "}],"x":"'.padEnd(190, 'ü'),
  sentences: { en: `@all ${'很'.repeat(5000)}`, zh: '流量过低' },
  severity: 'critical',
});
const bodies: Record<string, Buffer> = {
  opened: incidentPayload(incidentOf(), 'https://risk.example'),
  closed: incidentPayload(
    incidentOf({ state: 'closed', changeKind: 'closed', change: 3 }),
    'https://risk.example',
  ),
  acknowledged: incidentPayload(
    incidentOf({ state: 'acknowledged', changeKind: 'acknowledged' }),
    'https://risk.example',
  ),
  hostile: incidentPayload(hostile, 'https://risk.example'),
  digest: digestPayload(
    Array.from({ length: 60 }, (_, i) => ({
      ...{ webhookId: `dlv_${i}`, type: 'incident.opened', incident: `inc_${i}`, change: 1, pipeline: 'p' },
      ...{ domain: 'd', entity: `e${i}`, state: 'open', severity: 'high' },
    })),
    'https://risk.example',
    NOW,
  ),
  test: testPayload('ep_1', NOW),
};
const schemas = {
  slack: published.slackSchema,
  teams: published.teamsSchema,
  pagerduty: published.pagerdutySchema,
  opsgenie: published.opsgenieSchema,
  feishu: published.feishuSchema,
  dingtalk: published.dingtalkSchema,
  wecom: published.wecomSchema,
};

const made = (format: Exclude<Format, 'standard'>, body: Buffer, more: object = {}) =>
  render({
    ...{ format, url: 'https://service.example/hook', credential: KEY, template: '', language: 'en' },
    ...{ id: 'dlv_1', body, now: NOW },
    ...more,
  });
const parsed = (rendered: { body: Buffer }) => JSON.parse(rendered.body.toString());

describe.each(Object.entries(schemas))('%s', (format, schema) => {
  test.each(Object.keys(bodies))('%s fits the published format', (name) => {
    const value = parsed(made(format as keyof typeof schemas, bodies[name]!));
    const [fits, errors] = Schema.Errors(schema as never, value) as [boolean, unknown[]];
    expect(errors).toEqual([]);
    expect(fits).toBe(true);
  });

  test('the schema refuses what is no such message', () => {
    expect(Schema.Check(schema as never, { hello: 'world' })).toBe(false);
  });
});

test('paging services open, acknowledge and resolve under one key', () => {
  const actions = ['opened', 'acknowledged', 'closed'].map((name) =>
    parsed(made('pagerduty', bodies[name]!)),
  );
  expect(actions.map((one) => one.event_action)).toEqual(['trigger', 'acknowledge', 'resolve']);
  expect(new Set(actions.map((one) => one.dedup_key)).size).toBe(1);
  expect(made('opsgenie', bodies['closed']!, { url: 'https://api.opsgenie.com/v2/alerts' })).toMatchObject({
    url: `https://api.opsgenie.com/v2/alerts/${incidentOf().id}/close?identifierType=alias`,
    headers: { authorization: `GenieKey ${KEY}` },
  });
});

test('robots’ signatures are those of their documentation', () => {
  const { timestamp, sign } = parsed(made('feishu', bodies['opened']!));
  expect(timestamp).toBe(String(NOW / 1000));
  expect(sign).toBe(createHmac('sha256', `${timestamp}\n${KEY}`).digest('base64'));
  const url = new URL(
    made('dingtalk', bodies['opened']!, { url: 'https://oapi.dingtalk.com/robot/send?access_token=t' }).url,
  );
  expect(Object.fromEntries(url.searchParams)).toEqual({
    access_token: 't',
    timestamp: String(NOW),
    sign: createHmac('sha256', KEY).update(`${NOW}\n${KEY}`).digest('base64'),
  });
  expect(parsed(made('feishu', bodies['opened']!, { credential: '' }))).not.toHaveProperty('sign');
});

test('names from events make no links and mention nobody; the language is the endpoint’s', () => {
  for (const format of ['dingtalk', 'wecom'] as const) {
    const { markdown } = parsed(made(format, bodies['hostile']!)); // its title is shown as it is, in notifications
    const text: string = markdown.text ?? markdown.content;
    expect(text).not.toContain('[click](');
    expect(text).not.toContain('<@everyone>');
    expect(text).not.toContain('@all');
  }
  expect(Buffer.byteLength(parsed(made('wecom', bodies['hostile']!)).markdown.content)).toBeLessThanOrEqual(
    4096,
  );
  expect(JSON.stringify(parsed(made('slack', bodies['opened']!, { language: 'zh' })))).toContain(
    '金额远高于',
  );
});

test('a template is filled in after it is parsed, so a value can not break out of it', () => {
  const template = '{"alert":{"what":"{{title}}","how bad":"{{ severity }}!","n":1,"list":["{{state}}"]}}';
  expect(parsed(made('template', bodies['hostile']!, { template }))).toEqual({
    alert: { what: expect.stringContaining('"}],"x":"'), 'how bad': 'critical!', n: 1, list: ['open'] },
  });
  for (const [bad, why] of [
    ['{', /not JSON/],
    ['[]', /not a JSON object/],
    ['{"a":"{{constructor}}"}', /\{\{constructor\}\}, which there is not: use id/],
    [`${'{"a":'.repeat(12)}1${'}'.repeat(12)}`, /deeper than 10/],
  ] as const)
    expect(() => made('template', bodies['opened']!, { template: bad })).toThrow(why);
});

test.each([
  ['dingtalk', '{"errcode":0,"errmsg":"ok"}', undefined],
  ['dingtalk', '{"errcode":310000,"errmsg":"sign not match"}', '310000: sign not match'],
  ['feishu', '{"code":0,"msg":"success"}', undefined],
  ['feishu', '{"code":19021,"msg":"sign match fail"}', '19021: sign match fail'],
  ['wecom', '<html>', 'the answer is not JSON'],
  ['slack', 'ok', undefined],
] as const)('%s answering 200 with %s: %s', (format, body, refusal) => {
  expect(refusalIn(format, body)).toBe(refusal);
});
