import { join } from 'node:path';
import { PLAIN_COMMAND } from '../../alerting/commands.js';
import { incidentOf } from '../../alerting/incident-example.js';
import { ownCodec, readSchema, singleObjectEncoder } from '../../lib/avro.js';
import { packageRoot } from '../../lib/paths.js';
import { NEW_DELIVERY } from './delivery.js';

const former = (name: string, version = 1) =>
  singleObjectEncoder(readSchema(join(packageRoot(), 'schemas', `${name}.${version}.avsc`)));

/** with what all versions have */
const formerRisk = {
  ...{ id: 'r', pipeline: 'p', domain: 'd', entity: 'e', eventTime: 1, scoredAt: 2, topic: 't' },
  ...{ partition: 0, offset: 3, score: 4, pValue: 1e-4, threshold: 3, severity: 'low' },
  ...{ detectors: {}, reasons: [], sentences: {}, model: 'm' },
};

test('records of the first version are read, with defaults for what they lack', () => {
  const incident = { ...incidentOf(), reasons: [] };
  expect(ownCodec('incident').decode(former('incident')(incident))).toMatchObject({
    id: incident.id,
    kind: 'single',
    reason: '',
    parent: '',
    labels: [],
    seen: [],
  });
  const delivery = {
    ...NEW_DELIVERY,
    ...{ id: 'dlv_1', incident: 'inc_1', change: 1, endpoint: 'ep', pipeline: 'p', domain: 'd' },
    ...{ createdAt: 0, updatedAt: 0, nextAttemptAt: 0, body: Buffer.from('x') },
  };
  expect(ownCodec('delivery').decode(former('delivery')(delivery))).toMatchObject({
    id: 'dlv_1',
    expiresAt: 0,
    round: 0,
  });
  const command = {
    ...PLAIN_COMMAND,
    ...{
      id: 'c',
      incident: 'inc_1',
      pipeline: 'p',
      domain: 'd',
      entity: 'e',
      action: 'close',
      by: 'ann',
      at: 0,
    },
  };
  expect(ownCodec('incident-command').decode(former('incident-command')(command))).toMatchObject({
    action: 'close',
    level: 0,
  });
});

test('records from before labels named events and secondary entities are read', () => {
  const incident = { ...incidentOf(), reasons: [] };
  expect(ownCodec('incident').decode(former('incident', 2)(incident))).toMatchObject({
    id: incident.id,
    judged: 0,
    events: [],
  });
  expect(ownCodec('risk').decode(former('risk')(formerRisk))).toMatchObject({
    id: 'r',
    secondary: {},
    firstScore: 0,
  });
  const label = {
    ...{ id: 'f', pipeline: 'p', domain: 'd', entity: 'e', eventTime: 1, label: 'risk' },
    ...{ givenAt: 2, givenBy: 'ann' },
  };
  expect(ownCodec('feedback').decode(former('feedback')(label))).toMatchObject({ id: 'f', secondary: {} });
});

test('records from before replayed events kept their ids are read', () => {
  const incident = { ...incidentOf(), reasons: [] };
  expect(ownCodec('incident').decode(former('incident', 3)(incident))).toMatchObject({
    id: incident.id,
    firstOffsets: [],
  });
  expect(ownCodec('risk').decode(former('risk', 2)(formerRisk))).toMatchObject({
    id: 'r',
    offset: 3,
    origin: -1,
  });
});
