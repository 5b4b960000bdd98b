import { ConfigError } from './config.js';
import { EXIT, type Running, serve } from './shutdown.js';

function setUp(service: Partial<Running> = {}) {
  const asking = new AbortController();
  const written: string[] = [];
  let stopped = 0;
  const running: Running = {
    stop: async () => {
      stopped += 1;
    },
    ...service,
  };
  return {
    ask: () => asking.abort(new Error('asked to stop')),
    written,
    stops: () => stopped,
    serve: (start: (signal: AbortSignal) => Promise<Running> = async () => running) =>
      serve('sink', start, asking.signal, { stopTimeoutMs: 50, write: (text) => written.push(text) }),
  };
}

test('a service that is asked to stop is stopped, once', async () => {
  const { serve, ask, stops } = setUp();
  const serving = serve();
  setTimeout(ask, 5);
  expect(await serving).toBe(EXIT.stopped);
  expect(stops()).toBe(1);
});

test('one that fails is stopped and its failure told', async () => {
  const { serve, written, stops } = setUp({ failed: Promise.reject(new Error('the consumer ended')) });
  expect(await serve()).toBe(EXIT.failed);
  expect(written.join('')).toContain('sink: Error: the consumer ended');
  expect(stops()).toBe(1);
});

test('one that does not stop in time fails', async () => {
  const { serve, ask, written } = setUp({ stop: () => new Promise(() => undefined) });
  const serving = serve();
  ask();
  expect(await serving).toBe(EXIT.failed);
  expect(written.join('')).toContain('sink did not stop within 50 ms');
});

test('wrong configuration is printed alone', async () => {
  const { serve, written } = setUp();
  const code = await serve(async () => {
    throw new ConfigError(['RISKWIRE_PORT is "x": set it to a whole number']);
  });
  expect(code).toBe(EXIT.config);
  expect(written).toEqual([
    'the configuration has a fault:\n  RISKWIRE_PORT is "x": set it to a whole number\n',
  ]);
});

test('a start that fails is told', async () => {
  const { serve, written } = setUp();
  expect(await serve(() => Promise.reject(new Error('no broker')))).toBe(EXIT.failed);
  expect(written.join('')).toContain('no broker');
});

test('who is asked to stop while starting ends well, also when the start pays no heed', async () => {
  const heedful = setUp();
  const starting = heedful.serve(
    (signal) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
  );
  heedful.ask();
  expect(await starting).toBe(EXIT.stopped);

  const heedless = setUp();
  const hanging = heedless.serve(() => new Promise(() => undefined));
  heedless.ask();
  expect(await hanging).toBe(EXIT.stopped);
  expect(heedful.written).toEqual([]);
});
