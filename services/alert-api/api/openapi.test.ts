import Schema from 'typebox/schema';
import { closeAll, serve } from '../../../test/support/alert-server.js';

afterEach(closeAll);

interface Content {
  'application/json'?: { schema: Record<string, unknown>; example?: unknown; examples?: unknown };
}
interface Operation {
  operationId?: string;
  summary?: string;
  requestBody?: { content: Content };
  responses: Record<string, { description?: string; content?: Content }>;
}

async function operations(): Promise<[string, Operation][]> {
  const { app } = await serve();
  const document = (await app.inject('/openapi.json')).json() as {
    paths: Record<string, Record<string, Operation>>;
  };
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(
      ([method, one]) => [`${method.toUpperCase()} ${path}`, one] as [string, Operation],
    ),
  );
}

function examplesOf(content: Content | undefined): unknown[] {
  const json = content?.['application/json'];
  if (!json) return [];
  const own =
    json.schema['examples'] ?? (json.schema['example'] === undefined ? [] : [json.schema['example']]);
  return [...(own as unknown[]), ...(json.example === undefined ? [] : [json.example])];
}

test('every operation says what it is, what can go wrong, and shows a body that fits', async () => {
  const lacking: string[] = [];
  for (const [name, one] of await operations()) {
    if (!one.summary) lacking.push(`${name}: no summary`);
    const good = Object.keys(one.responses).filter((status) => status.startsWith('2'));
    if (good.length === 0) lacking.push(`${name}: no answer that succeeds`);
    if (name.includes('/v1/') && !one.responses['401']) lacking.push(`${name}: no 401`);
    for (const [what, content] of [
      ['request', one.requestBody?.content] as const,
      ...good.map((status) => [`answer ${status}`, one.responses[status]!.content] as const),
    ]) {
      const json = content?.['application/json'];
      if (!json) continue;
      const examples = examplesOf(content);
      if (examples.length === 0) lacking.push(`${name}: ${what} has no example`);
      for (const example of examples) {
        const [fits, errors] = Schema.Errors(json.schema as never, example) as [boolean, unknown[]];
        if (!fits)
          lacking.push(`${name}: the example of ${what} doesn't fit: ${JSON.stringify(errors.slice(0, 2))}`);
      }
    }
  }
  expect(lacking).toEqual([]);
});
