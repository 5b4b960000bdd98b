import { join } from 'node:path';
import { hashString } from '../../detection/features/hash.js';
import { LabelLog } from '../../detection/labels/label-log.js';
import type { Label, LabelRecord } from '../../detection/labels/records.js';
import { LABEL_FEATURES } from '../../detection/labels/secondary-book.js';
import { SecondStage } from '../../detection/second-stage/second-stage.js';
import { ownCodec } from '../../lib/avro.js';
import { createKafka } from '../../lib/kafka.js';
import { silentLog } from '../../lib/log.js';
import { packageRoot } from '../../lib/paths.js';
import { topicNames } from '../../lib/topics.js';
import { loadPipelines } from '../../pipelines/loader.js';
import { startLocalStack } from '../../services/local/local.js';
import { type FeedbackRecord, followLabels } from '../../services/scorer/labels.js';
import type { VisitsRecord } from '../../services/scorer/visits-record.js';
import { ADMIN_KEY, startTestApi, until } from '../support/alert-api.js';
import { runScorer } from '../support/scorer-run.js';

interface IncidentBody {
  readonly id: string;
  readonly entity: string;
  readonly risks: number;
  readonly kind: string;
}

test('an incident that a person confirms becomes a label of each of its events, and the next scorer learns of their terminals', async () => {
  const stack = await startLocalStack({ log: silentLog() });
  const opened: { stop(): Promise<void> }[] = [stack];
  try {
    const kafka = createKafka({ brokers: [stack.brokers], clientId: 'test', log: silentLog() });
    const { risks } = await runScorer({ kafka, pipeline: 'transactions', events: 20_000 });
    expect(risks.size).toBeGreaterThan(0);

    const api = await startTestApi(kafka, [stack.brokers], {
      RISKWIRE_CLICKHOUSE_URL: stack.clickhouseUrl,
      RISKWIRE_BOOTSTRAP_KEY: ADMIN_KEY,
    });
    opened.push(api);
    // Of the card with the most risks: more than one event is labelled.
    const incident = await until('all risks are in incidents', async () => {
      const { body } = await api.call('GET', '/v1/incidents?kind=single&limit=200');
      const items = body.items as IncidentBody[];
      const held = items.reduce((sum, one) => sum + one.risks, 0);
      return held >= Math.min(risks.size, 200) && items.reduce((a, b) => (b.risks > a.risks ? b : a));
    });
    const { status } = await api.call('POST', `/v1/incidents/${incident.id}/confirm`, { note: 'stolen' });
    expect([200, 202]).toContain(status);

    const root = packageRoot();
    const [pipeline] = await loadPipelines(join(root, 'pipelines'), join(root, 'schemas'), ['transactions']);
    const labels = await followLabels([pipeline!], {
      kafka,
      names: topicNames('riskwire.'),
      log: silentLog(),
      codecs: { feedback: ownCodec<FeedbackRecord>('feedback'), visits: ownCodec<VisitsRecord>('visits') },
      counted: () => undefined,
    });
    opened.push(labels);
    const log = labels.of('transactions')!;
    const read = (): Label[] => {
      const view = log.open();
      const found: LabelRecord[] = [];
      view.advance(
        Date.now() / 1000 + 3 * 3600,
        (record) => found.push(record),
        () => undefined,
      );
      log.close(view);
      return found.filter((one) => one.type === 'label');
    };
    const found = await until('the labels have come back', () => {
      const all = read();
      return all.length >= incident.risks && all;
    });

    const confirmed = [...risks.values()].filter(({ entity }) => entity === incident.entity);
    expect(found).toHaveLength(incident.risks);
    for (const label of found) {
      const risk = confirmed.find(({ eventTime }) => eventTime / 1000 === label.time)!;
      expect(risk).toBeDefined();
      expect(label).toMatchObject({
        entity: incident.entity,
        risk: true,
        secondary: [risk.context.terminal],
        surprise: risk.firstScore,
      });
      expect(label.surprise).toBeGreaterThan(0);
    }

    // What a scorer makes of them, had they been given on the day after: the event is learned from, and its terminal is
    // suspected from the label's hour on.
    const [label] = found;
    const given = label!.time + 86_400;
    const soon = new LabelLog();
    for (const one of found) soon.add({ ...one, effectiveAt: given });
    const second = new SecondStage({
      settings: pipeline!.labels!,
      detectors: ['margins'],
      features: [],
      log: soon,
      name: 'transactions/test',
      eventsPerDay: 1000,
    });
    const rank = (entity: string, seconds: number, offset: number, surprise: number) =>
      second.rank(
        {
          entities: [entity],
          seconds: Float64Array.of(seconds),
          offsets: Float64Array.of(offset),
          hashes: label!.secondary.map((value) => Uint32Array.of(hashString(value))),
          text: (field) => label!.secondary[field]!,
          own: Float32Array.of(surprise),
          x: new Float32Array(0),
        },
        0,
        surprise,
        new Float32Array(2),
      );
    const spell = (): number => {
      const values = new Float32Array(second.book.width);
      second.book.features(label!.secondary, given, values, 0);
      return values[LABEL_FEATURES.indexOf('spell')]!;
    };
    rank(incident.entity, label!.time, 0, label!.surprise);
    expect([second.figures.risks, spell()]).toEqual([0, 0]);
    rank('another', given, 1, 0.1);
    expect(second.figures.risks).toBeGreaterThan(0);
    expect(spell()).toBeGreaterThan(0);
  } finally {
    for (const one of opened.reverse()) await one.stop();
  }
}, 300_000);
