import type { Message } from './message.js';

/** A template that can't be used; says why and what to do. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
}

const FIELDS = ['id', 'kind', 'title', 'text', 'link', 'severity', 'state', 'subject', 'at'] as const;
const MOST_DEPTH = 10;

/**
 * A user's template is JSON in whose texts {{title}}, {{severity}} … are replaced. It is parsed first and filled in
 * afterwards, so a value can't break out of its text, and there is nothing in it that could be run.
 */
export function renderTemplate(template: string, message: Message): unknown {
  return fill(parseTemplate(template), message);
}

export function parseTemplate(template: string): unknown {
  let parsed: unknown;
  try {
    parsed = JSON.parse(template);
  } catch (cause) {
    throw new TemplateError('template is not JSON: write an object such as {"text":"{{title}}"}', { cause });
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw new TemplateError('template is not a JSON object: write one such as {"text":"{{title}}"}');
  check(parsed, 0);
  return parsed;
}

function check(value: unknown, depth: number): void {
  if (depth > MOST_DEPTH)
    throw new TemplateError(`template is nested deeper than ${MOST_DEPTH} levels: flatten it`);
  if (typeof value === 'string') {
    for (const [, name = ''] of value.matchAll(/\{\{([^}]*)\}\}/g))
      if (!isField(name.trim()))
        throw new TemplateError(`template names {{${name}}}, which there is not: use ${FIELDS.join(', ')}`);
  } else if (typeof value === 'object' && value !== null) {
    for (const one of Object.values(value)) check(one, depth + 1);
  }
}

function fill(value: unknown, message: Message): unknown {
  if (typeof value === 'string')
    return value.replace(/\{\{([^}]*)\}\}/g, (whole, name: string) => {
      const field = name.trim();
      return isField(field) ? message[field] : whole;
    });
  if (Array.isArray(value)) return value.map((one) => fill(one, message));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, fill(one, message)]));
  return value;
}

function isField(name: string): name is (typeof FIELDS)[number] {
  return (FIELDS as readonly string[]).includes(name);
}
