/**
 * The payload formats of other services as JSON schemas, written by hand: each names the reference that it is to be held
 * against when either changes. They are no copies of schemas that the services publish, and nothing was sent to the
 * services themselves. Fields that Riskwire doesn't send are left out, limits are kept.
 *
 * In November 2026 what `format.test.ts` renders was also validated against what the services publish for machines:
 * PagerDuty's OpenAPI document (github.com/PagerDuty/api-schema at 91a06fb), Opsgenie's (github.com/opsgenie/opsgenie-oas
 * at 71c5534), Adaptive Cards' schema 1.5 (github.com/microsoft/AdaptiveCards at 644d933) and Slack's types
 * (@slack/types 3.2.0). Feishu, DingTalk and WeCom publish prose and examples only.
 */
const text = (maxLength: number) => ({ type: 'string', minLength: 1, maxLength });
const object = (properties: Record<string, unknown>, required = Object.keys(properties)) => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});
const plainText = (most: number) => object({ type: { const: 'plain_text' }, text: text(most) });

/** https://docs.slack.dev/reference/block-kit/blocks: header 150, section 3000, 10 fields of 2000, button address 3000 */
export const slackSchema = object({
  text: text(40_000),
  blocks: {
    type: 'array',
    maxItems: 50,
    items: {
      anyOf: [
        object({ type: { const: 'header' }, text: plainText(150) }),
        object({ type: { const: 'section' }, text: plainText(3000) }),
        object({
          type: { const: 'section' },
          fields: { type: 'array', minItems: 1, maxItems: 10, items: plainText(2000) },
        }),
        object({
          type: { const: 'actions' },
          elements: {
            type: 'array',
            maxItems: 25,
            items: object({ type: { const: 'button' }, text: plainText(75), url: text(3000) }),
          },
        }),
      ],
    },
  },
});

/** https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using and https://adaptivecards.io/schemas/adaptive-card.json */
export const teamsSchema = object({
  type: { const: 'message' },
  attachments: {
    type: 'array',
    minItems: 1,
    items: object({
      contentType: { const: 'application/vnd.microsoft.card.adaptive' },
      contentUrl: { type: 'null' },
      content: object(
        {
          $schema: { const: 'http://adaptivecards.io/schemas/adaptive-card.json' },
          type: { const: 'AdaptiveCard' },
          version: { enum: ['1.0', '1.1', '1.2', '1.3', '1.4', '1.5'] },
          body: {
            type: 'array',
            items: {
              anyOf: [
                object(
                  {
                    type: { const: 'TextBlock' },
                    text: { type: 'string' },
                    wrap: { type: 'boolean' },
                    weight: { enum: ['Lighter', 'Default', 'Bolder'] },
                    size: { enum: ['Small', 'Default', 'Medium', 'Large', 'ExtraLarge'] },
                  },
                  ['type', 'text'],
                ),
                object({
                  type: { const: 'FactSet' },
                  facts: {
                    type: 'array',
                    items: object({ title: { type: 'string' }, value: { type: 'string' } }),
                  },
                }),
              ],
            },
          },
          actions: {
            type: 'array',
            items: object({
              type: { const: 'Action.OpenUrl' },
              title: { type: 'string' },
              url: { type: 'string' },
            }),
          },
        },
        ['type', 'version', 'body'],
      ),
    }),
  },
});

/** https://developer.pagerduty.com/docs/events-api-v2-overview: summary 1024, dedup_key 255 */
export const pagerdutySchema = {
  anyOf: [
    object(
      {
        routing_key: { type: 'string', minLength: 32, maxLength: 32 },
        event_action: { const: 'trigger' },
        dedup_key: text(255),
        client: { type: 'string' },
        client_url: { type: 'string' },
        links: { type: 'array', items: object({ href: { type: 'string' }, text: { type: 'string' } }) },
        payload: object(
          {
            summary: text(1024),
            source: text(255),
            severity: { enum: ['critical', 'error', 'warning', 'info'] },
            timestamp: { type: 'string' },
            custom_details: { type: 'object' },
          },
          ['summary', 'source', 'severity'],
        ),
      },
      ['routing_key', 'event_action', 'payload'],
    ),
    object({
      routing_key: { type: 'string', minLength: 32, maxLength: 32 },
      event_action: { enum: ['acknowledge', 'resolve'] },
      dedup_key: text(255),
    }),
  ],
};

/** https://docs.opsgenie.com/docs/alert-api#create-alert: message 130, alias 512, description 15000 */
export const opsgenieSchema = {
  anyOf: [
    object(
      {
        message: text(130),
        alias: text(512),
        description: { type: 'string', maxLength: 15_000 },
        details: { type: 'object', additionalProperties: { type: 'string' } },
        source: text(100),
        priority: { enum: ['P1', 'P2', 'P3', 'P4', 'P5'] },
      },
      ['message'],
    ),
    object({ source: text(100), note: { type: 'string', maxLength: 25_000 } }),
  ],
};

/** https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot, https://open.larksuite.com/document/client-docs/bot-v3/add-custom-bot */
export const feishuSchema = object(
  {
    timestamp: { type: 'string', pattern: '^[0-9]{10}$' },
    sign: { type: 'string', pattern: '^[A-Za-z0-9+/]{43}=$' },
    msg_type: { const: 'interactive' },
    card: object({
      config: object({ wide_screen_mode: { type: 'boolean' } }),
      header: object({
        title: object({ tag: { const: 'plain_text' }, content: { type: 'string' } }),
        template: {
          enum: [
            'blue',
            'wathet',
            'turquoise',
            'green',
            'yellow',
            'orange',
            'red',
            'carmine',
            'violet',
            'purple',
            'indigo',
            'grey',
          ],
        },
      }),
      elements: {
        type: 'array',
        items: {
          anyOf: [
            object({
              tag: { const: 'div' },
              text: object({ tag: { enum: ['plain_text', 'lark_md'] }, content: { type: 'string' } }),
            }),
            object({
              tag: { const: 'action' },
              actions: {
                type: 'array',
                items: object({
                  tag: { const: 'button' },
                  text: object({ tag: { const: 'plain_text' }, content: { type: 'string' } }),
                  url: { type: 'string' },
                  type: { enum: ['default', 'primary', 'danger'] },
                }),
              },
            }),
          ],
        },
      },
    }),
  },
  ['msg_type', 'card'],
);

/** https://open.dingtalk.com/document/robots/custom-robot-access */
export const dingtalkSchema = object(
  {
    msgtype: { const: 'markdown' },
    markdown: object({ title: { type: 'string', minLength: 1 }, text: { type: 'string', minLength: 1 } }),
    at: object({ isAtAll: { type: 'boolean' } }),
  },
  ['msgtype', 'markdown'],
);

/** https://developer.work.weixin.qq.com/document/path/91770: content of at most 4096 bytes */
export const wecomSchema = object({
  msgtype: { const: 'markdown' },
  markdown: object({ content: text(4096) }),
});
