import { type Chosen, definitionDuration, type Proposal, type ProposedNumber, paceText } from './propose.js';

/** The proposal as a commented definition, ready to edit and run. */
export function definitionText(proposal: Proposal): string {
  const { name, topic, schemaName, entity, eventId, time, timeZone, domain, context, sample, left } =
    proposal;
  const looked =
    sample.length > 0
      ? `${sample.length} events of ${proposal.entities} entities in ${topic}`
      : 'the schema alone; with events in the topic, riskwire propose --topic tells more';
  const lines = [
    `# A proposal for the topic ${topic}, from ${looked}.`,
    '# Read it through, change what is wrong, then: riskwire train --pipelines <this folder> --pipeline ' +
      name,
    `name: ${name}`,
    `title: { en: ${text(titleOf(name))} }`,
    `topic: ${text(topic)}`,
    line(`schema: ${text(schemaName)}`, `the reader schema, ${schemaName}.avsc in the schemas folder`),
    line(`entity: ${entity.field}`, `what a risk is about; ${entity.why}`),
    chosen('eventId', eventId, '', 'no field is named like an id of its own'),
    line(`time: ${time.field}`, time.why),
    timeZone === undefined
      ? line(
          'timeZone: { fixed: UTC }',
          'no field names a time zone; write the one where people work, such as Asia/Shanghai',
        )
      : line(`timeZone: { field: ${timeZone.field} }`, timeZone.why),
    domain === undefined
      ? line(
          'domain: { fixed: all }',
          'or { field: <name> }: entities that are alike, such as a country or a plant',
        )
      : line(`domain: { field: ${domain.field} }`, domain.why),
    line('late: 6h', 'older than the newest event by this much: left out, counted'),
    line('ahead: 10m', 'further in the future than this: a dead letter'),
    line(`context: [${context.join(', ')}]`, 'fields that a risk carries for its reader'),
    'features:',
    ...numberLines(proposal),
    ...categoryLines(proposal),
    line('  calendar: true', 'hour and weekday in the time zone'),
    line('  gap: true', `time since the entity's event before${note(paceText(proposal.gap))}`),
    ...(proposal.kind === 'events'
      ? [line('  activity: [1h, 1d, 7d]', 'how many events of the entity lately, by half-life')]
      : []),
    ...left.map(({ field, why }) => `  # ${field} is left out: ${why}`),
    'detectors:',
    ...detectorLines(proposal),
    'judging:',
    line('  budget: 20', 'about so many alerts a day'),
    line('  quiet: 1h', 'an incident closes after this long without a risk'),
    ...(proposal.kind === 'sensors'
      ? [line('  smoothing: [1, 0.2, 0.05]', 'a spike shows at 1, a small shift that stays at 0.05')]
      : []),
  ];
  return `${lines.join('\n')}\n`;
}

function line(yaml: string, comment: string): string {
  return comment === '' ? yaml : `${yaml} # ${comment.replaceAll('\n', ' ')}`;
}

const note = (extra: string): string => (extra === '' ? '' : `; ${extra}`);

/** A plain scalar where YAML takes it as one, quoted elsewhere. */
function text(value: string): string {
  return /^[\p{L}][\p{L}\d _./³²°µ-]*$/u.test(value) && !/^(true|false|null|yes|no|on|off)$/i.test(value)
    ? value
    : JSON.stringify(value);
}

function chosen(key: string, found: Chosen | undefined, indent: string, otherwise: string): string {
  return found === undefined
    ? `${indent}# ${key}: ${otherwise}`
    : line(`${indent}${key}: ${found.field}`, found.why);
}

function titleOf(name: string): string {
  return name[0]!.toUpperCase() + name.slice(1).replaceAll('-', ' ');
}

function numberLines({ numbers, kind }: Proposal): string[] {
  if (numbers.length === 0) return ['  # numbers: the schema has none that can be watched'];
  const options = (number: ProposedNumber): string =>
    [
      ...(number.unit === undefined
        ? []
        : [
            `unit: ${typeof number.unit === 'string' ? text(number.unit) : `{ field: ${number.unit.field} }`}`,
          ]),
      ...(number.log ? ['log: true'] : []),
      ...(kind === 'events' ? ['habit: true'] : []),
      'sensor: true',
    ].join(', ');
  return [
    '  # log: spans decades (amounts, counts); habit: against the entity’s own past; sensor: an instrument with a memory of its own',
    '  numbers:',
    ...grouped(numbers, options).map(({ fields, options: own, why }) =>
      line(`    - { fields: [${fields.join(', ')}], ${own} }`, why),
    ),
  ];
}

/** Neighbours that differ in nothing but their name stand in one line. */
function grouped(numbers: readonly ProposedNumber[], optionsOf: (number: ProposedNumber) => string) {
  const groups: { fields: string[]; options: string; why: string }[] = [];
  for (const number of numbers) {
    const options = optionsOf(number);
    const last = groups[groups.length - 1];
    if (last !== undefined && last.options === options && last.why === '' && number.why === '')
      last.fields.push(number.field);
    else groups.push({ fields: [number.field], options, why: number.why });
  }
  return groups;
}

function categoryLines({ categories }: Proposal): string[] {
  if (categories.length === 0) return [];
  return [
    '  # how rare a value is, and whether the entity ever had it',
    '  categories:',
    ...categories.map(({ field, why }) => line(`    - ${field}`, why)),
  ];
}

function detectorLines({ kind, numbers, gap }: Proposal): string[] {
  if (kind === 'events')
    return [
      line('  autoencoder: { window: 1, hidden: [16, 8] }', 'what goes together in one event'),
      line('  sequence: { hidden: 32 }', 'what follows what, for each entity'),
      ...(numbers.length > 0
        ? [
            line('  margins: {}', 'each number alone, among all of its domain'),
            line('  memory: { size: small }', 'each number against the entity’s own past'),
          ]
        : []),
    ];
  const interval = Number.isFinite(gap) && gap > 0 ? definitionDuration(gap) : '1m';
  return [
    line('  autoencoder: { window: 4 }', 'what goes together over four events'),
    line('  sequence: { hidden: 16 }', 'what follows what, for each entity'),
    ...(numbers.length > 0
      ? [
          line(
            '  memory: { size: small }',
            'each number against the entity’s own past; large for up to some hundred entities',
          ),
          line(
            `  checks: { interval: ${interval} }`,
            'gaps, stuck and held readings; how often a reading should come',
          ),
        ]
      : []),
  ];
}
