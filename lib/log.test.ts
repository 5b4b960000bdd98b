import { createLog } from './log.js';

test('a line is one JSON object with the service, the level’s name and no secrets', () => {
  const lines: string[] = [];
  const log = createLog('sink', { level: 'info', destination: { write: (line) => lines.push(line) } });
  log.info(
    {
      url: 'http://ch',
      password: 'p4ss',
      endpoint: { name: 'ops', secret: 'whsec_x', inner: { token: 't0ken' } },
    },
    'started',
  );
  log.debug({}, 'too much');
  log.error({ error: new Error('broken') }, 'failed');
  expect(lines.length).toBe(2);
  expect(lines[0]).not.toMatch(/p4ss|whsec_x|t0ken/);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    level: 'info',
    service: 'sink',
    url: 'http://ch',
    msg: 'started',
    password: '[redacted]',
  });
  expect(JSON.parse(lines[1] ?? '')).toMatchObject({
    level: 'error',
    error: { message: 'broken', stack: expect.any(String) },
  });
});
