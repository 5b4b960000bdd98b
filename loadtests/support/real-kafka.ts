import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  accessSync,
  constants,
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import type { ITopicConfig, Kafka } from 'kafkajs';
import { createKafka, waitForKafka, withAdmin } from '../../lib/kafka.js';
import { silentLog } from '../../lib/log.js';
import { packageRoot } from '../../lib/paths.js';
import { retry, within } from '../../lib/retry.js';

/** A real Apache Kafka broker for tests and load tests: its jars come by Maven into a cache, once; no Docker. */
const KAFKA_VERSION = '4.4.0';
export const DOWNLOAD_MS = 300_000;
export const START_MS = 60_000;

export interface RealKafkaOptions {
  /** over the broker's properties */
  properties?: Record<string, string>;
  /** let Java compile as far as it can: slower to start, right for throughput */
  throughput?: boolean;
  /** a second listener, whose clients are sent to this port of 127.0.0.1: that of a proxy before it */
  proxyPort?: number;
}

export interface RealKafka {
  readonly brokers: string[];
  /** the folder of Kafka's jars, for Java clients */
  readonly jars: string;
  /** where a proxy at `proxyPort` has to lead */
  readonly behindProxy: number;
  /** a client of it; the same one each time */
  readonly kafka: Kafka;
  createTopic(
    name: string,
    options?: { partitions?: number; config?: Record<string, string> },
  ): Promise<void>;
  /** sends lines as values by Kafka's own Java client with these producer properties, such as compression.type */
  javaProduce(topic: string, values: readonly string[], properties?: Record<string, string>): Promise<void>;
  /** kill -9 */
  kill(): Promise<void>;
  /** on the same port with the same data */
  restart(): Promise<void>;
  /** ends the broker and removes its data */
  stop(): Promise<void>;
}

/** Why a real broker can't be started here; undefined when it can. */
export function realKafkaMissing(): string | undefined {
  if (!onPath('java')) return 'java is not on PATH';
  if (!existsSync(jarFolder()) && !onPath('mvn'))
    return 'mvn is not on PATH, and Kafka’s jars are not cached';
  return undefined;
}

export async function startRealKafka(options: RealKafkaOptions = {}): Promise<RealKafka> {
  const jars = await kafkaJars();
  const folder = mkdtempSync(join(tmpdir(), 'riskwire-kafka-'));
  const [port = 0, controllerPort = 0, behindProxy = 0] = await freePorts(3);
  const file = join(folder, 'server.properties');
  writeFileSync(
    file,
    propertiesText({
      ...serverProperties(port, controllerPort, join(folder, 'data')),
      ...(options.proxyPort === undefined
        ? {}
        : proxiedListener(port, controllerPort, behindProxy, options.proxyPort)),
      ...options.properties,
    }),
  );
  const java = [
    ...['-Xms128m', options.throughput ? '-Xmx1g' : '-Xmx512m', '-XX:+UseSerialGC'],
    ...(options.throughput ? [] : ['-XX:TieredStopAtLevel=1']),
    ...['-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-cp', join(jars, '*')],
  ];
  const brokers = [`127.0.0.1:${port}`];
  const kafka = createKafka({ brokers, clientId: 'riskwire-test', log: silentLog() });

  await runJava([
    ...java,
    'kafka.tools.StorageTool',
    'format',
    '--standalone',
    '-t',
    clusterId(),
    '-c',
    file,
  ]);
  const server = new BrokerProcess([...java, 'kafka.Kafka', file], join(folder, 'broker.log'), () =>
    waitForKafka(kafka, { timeoutMs: START_MS, brokers }),
  );
  await server.start();
  return {
    brokers,
    jars,
    behindProxy,
    kafka,
    createTopic: (name, topic = {}) => createTopic(kafka, name, topic),
    javaProduce: async (topic, values, properties = {}) => {
      const all = { 'bootstrap.servers': brokers.join(), ...properties };
      const args = Object.entries(all).map(([name, value]) => `${name}=${value}`);
      await runJava(
        [...java, join(packageRoot(), 'test/support/ProduceLines.java'), topic, ...args],
        `${values.join('\n')}\n`,
      );
    },
    kill: () => server.end('SIGKILL'),
    restart: async () => {
      await server.end('SIGTERM');
      await server.start();
    },
    stop: async () => {
      await server.end('SIGTERM');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

class BrokerProcess {
  private child: ChildProcess | undefined;

  constructor(
    private readonly args: readonly string[],
    private readonly logFile: string,
    private readonly ready: () => Promise<void>,
  ) {}

  async start(): Promise<void> {
    const child = spawn('java', this.args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.child = child;
    const log = createWriteStream(this.logFile, { flags: 'a' });
    child.stdout.pipe(log);
    child.stderr.pipe(log);
    const endWithTests = () => child.kill('SIGKILL');
    process.once('exit', endWithTests);
    const ended = new Promise<never>((_resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => {
        process.removeListener('exit', endWithTests);
        reject(new Error(`the Kafka broker ended (${signal ?? `exit ${code}`}); its log is ${this.logFile}`));
      });
    });
    ended.catch(() => undefined);
    await Promise.race([this.ready(), ended]);
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.child;
    this.child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await gone;
    clearTimeout(timer);
  }
}

async function createTopic(
  kafka: Kafka,
  topic: string,
  options: { partitions?: number; config?: Record<string, string> },
): Promise<void> {
  const configEntries = Object.entries(options.config ?? {}).map(([name, value]) => ({ name, value }));
  const spec: ITopicConfig = {
    topic,
    numPartitions: options.partitions ?? 1,
    replicationFactor: 1,
    configEntries,
  };
  await withAdmin(kafka, async (admin) => {
    await admin.createTopics({ topics: [spec], waitForLeaders: false });
    // the broker says yes before it knows of the topic itself
    await retry(() => admin.fetchTopicMetadata({ topics: [topic] }), {
      timeoutMs: 10_000,
      initialDelayMs: 20,
    });
  });
}

function serverProperties(port: number, controllerPort: number, data: string): Record<string, string> {
  return {
    'process.roles': 'broker,controller',
    'node.id': '1',
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names': 'CONTROLLER',
    'controller.quorum.bootstrap.servers': `127.0.0.1:${controllerPort}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'log.dirs': data,
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '3',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'transaction.state.log.num.partitions': '3',
    'group.initial.rebalance.delay.ms': '0',
    'group.min.session.timeout.ms': '1000',
    // a broker that was killed is let in again after these, not after the usual 9 s
    'broker.session.timeout.ms': '1500',
    'broker.heartbeat.interval.ms': '300',
    'log.cleaner.backoff.ms': '200',
    'log.cleaner.dedupe.buffer.size': '16777216',
    'auto.create.topics.enable': 'false',
  };
}

function proxiedListener(
  port: number,
  controllerPort: number,
  behind: number,
  proxyPort: number,
): Record<string, string> {
  return {
    listeners: `PLAINTEXT://127.0.0.1:${port},PROXIED://127.0.0.1:${behind},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port},PROXIED://127.0.0.1:${proxyPort}`,
    'inter.broker.listener.name': 'PLAINTEXT',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT',
  };
}

function propertiesText(properties: Record<string, string>): string {
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

/** 16 bytes in base64url that don't begin like an option. */
function clusterId(): string {
  return `R${randomBytes(16).toString('base64url').slice(1)}`;
}

function cacheFolder(): string {
  return process.env['RISKWIRE_TEST_CACHE'] || join(tmpdir(), 'riskwire-test');
}

function jarFolder(): string {
  return join(cacheFolder(), `kafka-${KAFKA_VERSION}`);
}

/** Downloads into a folder beside and moves it into place at the end, so that a cache is whole or not there. */
async function kafkaJars(): Promise<string> {
  const target = jarFolder();
  if (existsSync(target)) return target;
  mkdirSync(cacheFolder(), { recursive: true });
  const fresh = mkdtempSync(join(cacheFolder(), 'download-'));
  writeFileSync(join(fresh, 'pom.xml'), POM);
  const goal = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies';
  await promisify(execFile)(
    'mvn',
    ['-B', '-q', goal, `-DoutputDirectory=${join(fresh, 'jars')}`, '-DincludeScope=runtime'],
    { cwd: fresh, timeout: DOWNLOAD_MS },
  );
  try {
    renameSync(join(fresh, 'jars'), target);
  } catch (error) {
    // another test file was faster
    if (readdirSync(target).length === 0) throw error;
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return target;
}

// slf4j 1.7: Kafka brings slf4j-api 1.7.36
const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>riskwire</groupId><artifactId>kafka-for-tests</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${KAFKA_VERSION}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
`;

async function runJava(args: readonly string[], input = ''): Promise<string> {
  const running = promisify(execFile)('java', [...args], { timeout: START_MS, maxBuffer: 64 << 20 });
  // a program that ends at once closes its stdin: what it said and its exit code tell more
  running.child.stdin?.on('error', () => undefined).end(input);
  return (await running).stdout;
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve, reject) => {
          server.once('error', reject);
          server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
        }),
    ),
  );
  await within(
    Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve)))),
    5_000,
    () => new Error('ports stayed open'),
  );
  return ports;
}

function onPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
