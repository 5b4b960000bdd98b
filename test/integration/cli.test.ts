import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { packageRoot } from '../../lib/paths.js';
import { createProgram } from '../../services/cli/program.js';

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const COMMAND_MS = 30_000;

/** Runs the command line as people do, with an environment of its own. */
function riskwire(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  const clean = Object.entries(process.env).filter(([name]) => !name.startsWith('RISKWIRE_'));
  return new Promise((resolve) => {
    const options = { env: { ...Object.fromEntries(clean), ...env }, timeout: COMMAND_MS };
    execFile(
      process.execPath,
      [join(packageRoot(), 'bin', 'riskwire.mjs'), ...args],
      options,
      (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr });
      },
    );
  });
}

const COMMANDS = [
  'demo',
  'local',
  'produce',
  'scorer',
  'sink',
  'alert-api',
  'train',
  'topics',
  'migrate',
  'version',
];

describe('the command line', () => {
  test('lists every command', async () => {
    const { code, stdout } = await riskwire(['--help']);
    expect(code).toBe(0);
    for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^ {2}${command} `, 'm'));
  });

  test.each(COMMANDS)('%s --help shows examples, --json and the variables that it reads', (name) => {
    const command = createProgram().commands.find((one) => one.name() === name);
    let help = '';
    command?.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
    expect(help).toContain(`Examples:\n  $ `);
    expect(help).toContain('--json');
    if (name !== 'version') expect(help).toMatch(/Environment.*\n/);
    if (!['version', 'demo'].includes(name)) expect(help).toMatch(/ RISKWIRE_[A-Z_]+ +\S/);
  });

  test('suggests the command that was meant, and exits 2', async () => {
    const { code, stderr } = await riskwire(['scorr']);
    expect(code).toBe(2);
    expect(stderr).toContain("unknown command 'scorr'");
    expect(stderr).toContain('Did you mean scorer?');
  });

  test('refuses an option value with a remedy, and exits 2', async () => {
    const { code, stderr } = await riskwire(['demo', '--for', 'soon']);
    expect(code).toBe(2);
    expect(stderr).toContain("'soon' is invalid. write a number and a unit, such as 30s, 5m or 1h.");
  });

  test('names every wrong variable at once, and exits 2', async () => {
    const { code, stderr } = await riskwire(['topics'], {
      RISKWIRE_BROKERS: 'nonsense',
      RISKWIRE_STARTUP_TIMEOUT: 'soon',
    });
    expect(code).toBe(2);
    expect(stderr).toContain('RISKWIRE_BROKERS is "nonsense": set it to host:port, comma-separated');
    expect(stderr).toContain('RISKWIRE_STARTUP_TIMEOUT is "soon"');
  });

  test.each(['scorer', 'sink', 'alert-api'])(
    '%s ends with 2 when its configuration is wrong',
    async (service) => {
      const { code, stderr } = await riskwire([service, '--port', '70000'], { RISKWIRE_LOG_LEVEL: 'loud' });
      expect(code).toBe(2);
      expect(stderr).toContain('RISKWIRE_PORT is "70000"');
      expect(stderr).toContain('RISKWIRE_LOG_LEVEL is "loud"');
    },
  );

  test('a broker that does not answer is waited for, then said, and exits 1', async () => {
    const { code, stderr } = await riskwire([
      'topics',
      '--brokers',
      '127.0.0.1:1',
      '--startup-timeout',
      '500ms',
    ]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/no Kafka broker answered at 127\.0\.0\.1:1 within 500 ms .*RISKWIRE_BROKERS/);
  });

  test('prints its versions as one JSON object', async () => {
    const { code, stdout } = await riskwire(['version', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      riskwire: expect.stringMatching(/^\d+\.\d+\.\d+/),
      node: process.versions.node,
      platform: `${process.platform}-${process.arch}`,
    });
  });
});
