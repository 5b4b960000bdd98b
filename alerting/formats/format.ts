import { createHmac } from 'node:crypto';
import { cut, type Message, messageOf } from './message.js';
import { renderTemplate } from './template.js';

export const FORMATS = [
  'standard',
  'slack',
  'teams',
  'pagerduty',
  'opsgenie',
  'feishu',
  'dingtalk',
  'wecom',
  'template',
] as const;
export type Format = (typeof FORMATS)[number];

/** What a service other than a Standard Webhooks receiver is sent. */
export interface Rendered {
  url: string;
  headers: Record<string, string>;
  body: Buffer;
}

export interface RenderInput {
  format: Exclude<Format, 'standard'>;
  url: string;
  /** routing key (PagerDuty), API key (Opsgenie), signing secret (Feishu, DingTalk); '' for none */
  credential: string;
  /** of `template` */
  template: string;
  language: string;
  id: string;
  body: Uint8Array;
  /** epoch milliseconds of the attempt */
  now: number;
}

/** Pure: the same input is the same request. Each service's limits are kept by cutting texts. */
export function render(input: RenderInput): Rendered {
  const message = messageOf(input.id, input.body, input.language);
  switch (input.format) {
    case 'slack':
      return json(input.url, slack(message));
    case 'teams':
      return json(input.url, teams(message));
    case 'pagerduty':
      return json(input.url, pagerduty(message, input.credential));
    case 'opsgenie':
      return opsgenie(message, input);
    case 'feishu':
      return json(input.url, feishu(message, input));
    case 'dingtalk':
      return json(signedDingtalkUrl(input), dingtalk(message));
    case 'wecom':
      return json(input.url, wecom(message));
    case 'template':
      return json(input.url, renderTemplate(input.template, message));
  }
}

/** These services answer 200 to what they refuse; the truth is a code in the body. Undefined when they took it. */
export function refusalIn(format: Format, body: string): string | undefined {
  if (format !== 'feishu' && format !== 'dingtalk' && format !== 'wecom') return undefined;
  try {
    const answer = JSON.parse(body) as Record<string, unknown>;
    const code = answer['errcode'] ?? answer['code'] ?? answer['StatusCode'] ?? 0;
    return code === 0 ? undefined : `${String(code)}: ${String(answer['errmsg'] ?? answer['msg'] ?? '')}`;
  } catch {
    return 'the answer is not JSON';
  }
}

function json(url: string, body: unknown): Rendered {
  return { url, headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify(body)) };
}

/** https://docs.slack.dev/reference/block-kit */
function slack(message: Message): unknown {
  return {
    text: cut(message.title, 3000),
    blocks: [
      { type: 'header', text: { type: 'plain_text', text: cut(message.title, 150) } },
      { type: 'section', text: { type: 'plain_text', text: cut(message.text || message.title, 3000) } },
      ...(message.facts.length > 0
        ? [
            {
              type: 'section',
              fields: message.facts.slice(0, 10).map(({ name, value }) => ({
                type: 'plain_text',
                text: cut(`${name}: ${value}`, 2000),
              })),
            },
          ]
        : []),
      ...(message.link
        ? [
            {
              type: 'actions',
              elements: [
                { type: 'button', text: { type: 'plain_text', text: 'Open' }, url: cut(message.link, 3000) },
              ],
            },
          ]
        : []),
    ],
  };
}

/** An Adaptive Card in a message, as Teams' workflows take it: https://adaptivecards.io/explorer */
function teams(message: Message): unknown {
  return {
    type: 'message',
    attachments: [
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        contentUrl: null,
        content: {
          $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
          type: 'AdaptiveCard',
          version: '1.4',
          body: [
            {
              type: 'TextBlock',
              text: cut(message.title, 500),
              weight: 'Bolder',
              size: 'Medium',
              wrap: true,
            },
            { type: 'TextBlock', text: cut(message.text || message.title, 5000), wrap: true },
            ...(message.facts.length > 0
              ? [
                  {
                    type: 'FactSet',
                    facts: message.facts.map(({ name, value }) => ({ title: name, value: cut(value, 500) })),
                  },
                ]
              : []),
          ],
          ...(message.link
            ? { actions: [{ type: 'Action.OpenUrl', title: 'Open', url: message.link }] }
            : {}),
        },
      },
    ],
  };
}

const PAGERDUTY_SEVERITY = { low: 'info', medium: 'warning', high: 'error', critical: 'critical' } as const;

/** https://developer.pagerduty.com/docs/events-api-v2/trigger-events */
function pagerduty(message: Message, routingKey: string): unknown {
  const action = { open: 'trigger', acknowledged: 'acknowledge', closed: 'resolve' }[message.state];
  return {
    routing_key: routingKey,
    event_action: action,
    dedup_key: cut(message.subject, 255),
    ...(action === 'trigger'
      ? {
          payload: {
            summary: cut(`${message.title} ${message.text}`, 1024),
            source: 'riskwire',
            severity: PAGERDUTY_SEVERITY[message.severity],
            timestamp: message.at,
            custom_details: Object.fromEntries(
              message.facts.map(({ name, value }) => [name, cut(value, 500)]),
            ),
          },
          client: 'Riskwire',
          ...(message.link
            ? { client_url: message.link, links: [{ href: message.link, text: 'Incident' }] }
            : {}),
        }
      : {}),
  };
}

const OPSGENIE_PRIORITY = { low: 'P4', medium: 'P3', high: 'P2', critical: 'P1' } as const;

/** https://docs.opsgenie.com/docs/alert-api: one address to open an alert, others below it to acknowledge and close it. */
function opsgenie(message: Message, { url, credential }: RenderInput): Rendered {
  const base = url.replace(/\/+$/, '');
  const alias = cut(message.subject, 512);
  const verb = { open: '', acknowledged: 'acknowledge', closed: 'close' }[message.state];
  const rendered = verb
    ? json(`${base}/${encodeURIComponent(alias)}/${verb}?identifierType=alias`, {
        source: 'riskwire',
        note: cut(message.title, 25_000),
      })
    : json(base, {
        message: cut(message.title, 130),
        alias,
        description: cut(`${message.text}\n${message.link}`, 15_000),
        details: Object.fromEntries(message.facts.map(({ name, value }) => [name, cut(value, 500)])),
        source: 'riskwire',
        priority: OPSGENIE_PRIORITY[message.severity],
      });
  return { ...rendered, headers: { ...rendered.headers, authorization: `GenieKey ${credential}` } };
}

const FEISHU_COLOUR = { low: 'blue', medium: 'yellow', high: 'orange', critical: 'red' } as const;

/** https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot; Lark takes the same. */
function feishu(message: Message, { credential, now }: RenderInput): unknown {
  const timestamp = String(Math.floor(now / 1000));
  const sign = createHmac('sha256', `${timestamp}\n${credential}`).update('').digest('base64');
  return {
    ...(credential ? { timestamp, sign } : {}),
    msg_type: 'interactive',
    card: {
      config: { wide_screen_mode: true },
      header: {
        title: { tag: 'plain_text', content: cut(message.title, 200) },
        template: message.state === 'closed' ? 'green' : FEISHU_COLOUR[message.severity],
      },
      elements: [
        { tag: 'div', text: { tag: 'plain_text', content: cut(textWithFacts(message), 4000) } },
        ...(message.link
          ? [
              {
                tag: 'action',
                actions: [
                  {
                    tag: 'button',
                    text: { tag: 'plain_text', content: 'Open / 打开' },
                    url: message.link,
                    type: 'primary',
                  },
                ],
              },
            ]
          : []),
      ],
    },
  };
}

/** https://open.dingtalk.com/document/robots/custom-robot-access */
function dingtalk(message: Message): unknown {
  return {
    msgtype: 'markdown',
    markdown: {
      title: cut(message.title, 64),
      text: cut(markdownOf(message, '\n\n'), 5000),
    },
    at: { isAtAll: false },
  };
}

function signedDingtalkUrl({ url, credential, now }: RenderInput): string {
  if (!credential) return url;
  const sign = createHmac('sha256', credential).update(`${now}\n${credential}`).digest('base64');
  const signed = new URL(url);
  signed.searchParams.set('timestamp', String(now));
  signed.searchParams.set('sign', sign);
  return signed.href;
}

/** https://developer.work.weixin.qq.com/document/path/91770; at most 4096 bytes. */
function wecom(message: Message): unknown {
  let content = markdownOf(message, '\n');
  for (let most = 4000; Buffer.byteLength(content) > 4096; most -= 200) content = cut(content, most);
  return { msgtype: 'markdown', markdown: { content } };
}

function markdownOf(message: Message, newline: string): string {
  const lines = textWithFacts(message).split('\n').map(escapeMarkdown);
  return [
    `### ${escapeMarkdown(message.title)}`,
    ...lines,
    ...(message.link ? [`[Open / 打开](${message.link})`] : []),
  ].join(newline);
}

function textWithFacts({ text, facts }: Message): string {
  return [text, ...facts.map(({ name, value }) => `${name}: ${value}`)]
    .filter((line) => line !== '')
    .join('\n');
}

/** Names come from events: they must not make links or mention people. */
function escapeMarkdown(text: string): string {
  return text.replace(/[\\`*_{}[\]()#+!|<>@]/g, (sign) => (sign === '@' ? '＠' : `\\${sign}`));
}
