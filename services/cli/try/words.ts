import type { LeftOut } from '../guess/roles.js';
import type { Choice, Kind } from './definition.js';
import type { Remedy } from './event-table.js';

/** What `riskwire try` says, in its report and on the terminal, by language. */
export interface Words {
  readonly tag: string;
  readonly title: string;
  readonly summary: (rows: string, risks: string, alerts: string) => string;
  readonly tiles: Readonly<Record<'scored' | 'learned' | 'alerts' | 'risks' | 'budget' | 'bad', string>>;
  readonly guessed: string;
  readonly column: string;
  readonly role: string;
  readonly details: string;
  readonly roles: Readonly<
    Record<
      | 'file'
      | 'time'
      | 'zone'
      | 'key'
      | 'secondary'
      | 'numbers'
      | 'categories'
      | 'label'
      | 'left'
      | 'kind'
      | 'split'
      | 'budget'
      | 'detectors'
      | 'bad',
      string
    >
  >;
  readonly kinds: Readonly<Record<Kind, string>>;
  readonly choices: Readonly<Record<Choice, string>>;
  readonly leftOut: Readonly<Record<LeftOut, string>>;
  readonly noTime: string;
  readonly noKey: string;
  readonly sortedHere: string;
  readonly headerless: string;
  readonly decimalComma: string;
  readonly every: (pace: string) => string;
  readonly irregular: string;
  readonly mixedOffsets: (zone: string) => string;
  readonly localIn: (zone: string) => string;
  readonly keys: (count: string) => string;
  readonly split: (learned: string, scored: string, days: string) => string;
  readonly budgetGiven: (budget: string) => string;
  readonly budgetMade: (budget: string, days: string) => string;
  readonly badOf: (bad: string, read: string) => string;
  readonly line: string;
  readonly field: string;
  readonly value: string;
  readonly remedy: string;
  readonly wholeRow: string;
  readonly risks: string;
  readonly time: string;
  readonly key: string;
  readonly score: string;
  readonly severity: string;
  readonly reasons: string;
  readonly count: string;
  readonly severities: Readonly<Record<'low' | 'medium' | 'high' | 'critical', string>>;
  readonly series: string;
  readonly scoresOverTime: string;
  readonly learnedPart: string;
  readonly threshold: string;
  readonly labelled: string;
  readonly figures: string;
  readonly figureNames: Readonly<
    Record<'auc' | 'ap' | 'f1' | 'farPercent' | 'marPercent' | 'eventRecall', string>
  >;
  readonly labelledRows: (labelled: string, events: string) => string;
  readonly more: (count: string) => string;
  readonly none: string;
  readonly failed: (names: string) => string;
  readonly remedies: Readonly<Record<Remedy, (fields: number, columns: number) => string>>;
  readonly footer: string;
}

const en: Words = {
  tag: 'en',
  title: 'Riskwire: what stands out',
  summary: (rows, risks, alerts) => `${rows} rows scored, ${risks} risks in ${alerts} episodes`,
  tiles: {
    scored: 'rows scored',
    learned: 'rows learned from',
    alerts: 'episodes',
    risks: 'risks in them',
    budget: 'alerts a day aimed at',
    bad: 'bad rows left out',
  },
  guessed: 'What was guessed',
  column: 'Column',
  role: 'Role',
  details: 'Details',
  roles: {
    file: 'File',
    time: 'Time',
    zone: 'Time zone',
    key: 'Key',
    secondary: 'Second key',
    numbers: 'Numbers',
    categories: 'Categories',
    label: 'Label',
    left: 'Not used',
    kind: 'Taken as',
    split: 'Learned, scored',
    budget: 'Budget',
    detectors: 'Detectors',
    bad: 'Bad rows',
  },
  kinds: {
    series: 'one number over time',
    sensors: 'several readings at a steady pace',
    events: 'events of entities, when they happen',
  },
  choices: {
    memoryDecides: 'on a single number the memory of its own past decides; learned models add noise there',
    memorySmall: 'the small memory, for few rows or many keys',
    tooFewToLearn: 'too few rows to learn from: the detectors that need no training work alone',
    learned: 'autoencoder and sequence model learned on the first rows; memory and sensor checks beside them',
    learnedEvents: 'autoencoder, sequence model and margins learned on the first rows; memory beside them',
    noNumbers: 'no numbers: categories and times alone',
  },
  leftOut: {
    empty: 'empty',
    label: 'looks like a label, so it is kept out (--label names it, for figures)',
    otherTime: 'another time',
    notValue: 'not named by --values',
    notCategory: 'not named by --categories',
    rowNumber: 'a row number or counter',
    constant: 'always the same',
    unique: 'nearly every row has its own',
    tooMany: 'beyond the first twelve categories',
    state: 'a state beside steady readings (--categories watches it)',
  },
  noTime: 'none: rows are taken in their order, a minute apart',
  noKey: 'none: the file is one series',
  sortedHere: 'not in time order in the file; sorted',
  headerless: 'no header; columns are named c1, c2 …',
  decimalComma: 'decimal comma',
  every: (pace) => `about every ${pace}`,
  irregular: 'irregular',
  mixedOffsets: (zone) => `offsets as written; without one: ${zone}`,
  localIn: (zone) => `taken as ${zone}`,
  keys: (count) => `${count} different`,
  split: (learned, scored, days) => `first ${learned} rows, then ${scored} over ${days} days`,
  budgetGiven: (budget) => `about ${budget} alerts a day (--budget)`,
  budgetMade: (budget, days) =>
    `about ${budget} alerts a day, 20 over the ${days} days scored; --budget changes it`,
  badOf: (bad, read) => `${bad} of ${read} rows could not be read`,
  line: 'Line',
  field: 'Field',
  value: 'Value',
  remedy: 'What to do',
  wholeRow: 'the row',
  risks: 'Risks',
  time: 'Time',
  key: 'Key',
  score: 'Score',
  severity: 'Severity',
  reasons: 'Why',
  count: 'Rows',
  severities: { low: 'low', medium: 'medium', high: 'high', critical: 'critical' },
  series: 'The series, with its risks',
  scoresOverTime: 'Score over time (−log10 p)',
  learnedPart: 'learned from',
  threshold: 'threshold',
  labelled: 'labelled',
  figures: 'Against the labels',
  figureNames: {
    auc: 'AUC',
    ap: 'Average precision',
    f1: 'F1',
    farPercent: 'False alarms, % of normal rows',
    marPercent: 'Missed, % of labelled rows',
    eventRecall: 'Labelled stretches found',
  },
  labelledRows: (labelled, events) => `${labelled} labelled rows in ${events} stretches`,
  more: (count) => `… and ${count} more`,
  none: 'No risk was found under this budget.',
  failed: (names) => `Detectors that failed and were left out: ${names}`,
  remedies: {
    fields: (fields, columns) =>
      `${fields} fields where there are ${columns} columns: mend the separators and quotes`,
    quote: () => 'a quote that nobody closes: close it or take it out',
    json: () => 'no JSON object: write one a line',
    zone: () => 'write an IANA time zone such as Asia/Shanghai',
    noTime: () => 'fill in the time',
    time: () => 'write the time as in the other rows',
    key: () => 'fill in the key: without it there is nothing to compare the row with',
    number: () => 'write a number, or nothing when there is none',
    finite: () => 'write a finite number, or nothing when there is none',
  },
  footer: 'Made by riskwire try. A score of 3 is a row as unusual as one in a thousand.',
};

const zh: Words = {
  tag: 'zh',
  title: 'Riskwire：异常发现报告',
  summary: (rows, risks, alerts) => `共评分 ${rows} 行，发现 ${risks} 个风险，分属 ${alerts} 次异常`,
  tiles: {
    scored: '评分行数',
    learned: '学习行数',
    alerts: '异常次数',
    risks: '其中的风险',
    budget: '每天目标告警数',
    bad: '跳过的错误行',
  },
  guessed: '自动识别结果',
  column: '列',
  role: '用途',
  details: '说明',
  roles: {
    file: '文件',
    time: '时间',
    zone: '时区',
    key: '主键',
    secondary: '次键',
    numbers: '数值',
    categories: '类别',
    label: '标签',
    left: '未使用',
    kind: '数据类型',
    split: '学习与评分',
    budget: '告警预算',
    detectors: '检测器',
    bad: '错误行',
  },
  kinds: {
    series: '单个数值的时间序列',
    sensors: '按固定间隔采集的多个读数',
    events: '各主体不定时发生的事件',
  },
  choices: {
    memoryDecides: '只有一个数值时由自身历史的记忆判断；学习模型在此只会增加噪声',
    memorySmall: '行数少或主键多，使用小型记忆',
    tooFewToLearn: '可学习的行太少：仅使用无需训练的检测器',
    learned: '自编码器与序列模型从开头部分学习，并辅以记忆和传感器检查',
    learnedEvents: '自编码器、序列模型与边际分布从开头部分学习，并辅以记忆',
    noNumbers: '没有数值：只依据类别和时间',
  },
  leftOut: {
    empty: '空列',
    label: '像是标签，不用于检测（用 --label 指明可得对比数据）',
    otherTime: '另一个时间',
    notValue: '--values 未列出',
    notCategory: '--categories 未列出',
    rowNumber: '行号或计数',
    constant: '始终不变',
    unique: '几乎每行都不同',
    tooMany: '超出前十二个类别',
    state: '读数旁的状态（用 --categories 指明则参与检测）',
  },
  noTime: '无：按行的顺序，每行间隔一分钟',
  noKey: '无：整个文件是一个序列',
  sortedHere: '文件未按时间排列，已重新排序',
  headerless: '没有表头；列名为 c1、c2 ……',
  decimalComma: '小数点为逗号',
  every: (pace) => `约每 ${pace} 一行`,
  irregular: '间隔不固定',
  mixedOffsets: (zone) => `按各自的时区偏移；未写明者按 ${zone}`,
  localIn: (zone) => `按 ${zone}`,
  keys: (count) => `${count} 个不同值`,
  split: (learned, scored, days) => `前 ${learned} 行用于学习，其后 ${scored} 行（${days} 天）用于评分`,
  budgetGiven: (budget) => `每天约 ${budget} 次告警（--budget）`,
  budgetMade: (budget, days) => `每天约 ${budget} 次告警，即 ${days} 天内约 20 次；可用 --budget 调整`,
  badOf: (bad, read) => `${read} 行中有 ${bad} 行无法读取`,
  line: '行号',
  field: '字段',
  value: '值',
  remedy: '处理办法',
  wholeRow: '整行',
  risks: '风险',
  time: '时间',
  key: '主键',
  score: '分数',
  severity: '级别',
  reasons: '原因',
  count: '行数',
  severities: { low: '低', medium: '中', high: '高', critical: '严重' },
  series: '序列与风险',
  scoresOverTime: '分数随时间的变化（−log10 p）',
  learnedPart: '学习部分',
  threshold: '阈值',
  labelled: '已标注',
  figures: '与标签对比',
  figureNames: {
    auc: 'AUC',
    ap: '平均精度',
    f1: 'F1',
    farPercent: '误报率（占正常行 %）',
    marPercent: '漏报率（占标注行 %）',
    eventRecall: '发现的标注段',
  },
  labelledRows: (labelled, events) => `共 ${labelled} 行标注，分 ${events} 段`,
  more: (count) => `…… 另有 ${count} 项`,
  none: '在此预算下没有发现风险。',
  failed: (names) => `失败并被排除的检测器：${names}`,
  remedies: {
    fields: (fields, columns) => `有 ${fields} 个字段，而表有 ${columns} 列：请检查分隔符和引号`,
    quote: () => '引号没有闭合：请补上或去掉',
    json: () => '不是 JSON 对象：每行请写一个对象',
    zone: () => '请写 IANA 时区名，例如 Asia/Shanghai',
    noTime: () => '请填写时间',
    time: () => '请按其他行的格式写时间',
    key: () => '请填写主键，否则无从比较',
    number: () => '请写数字；没有读数时留空',
    finite: () => '请写有限的数字；没有读数时留空',
  },
  footer: '由 riskwire try 生成。分数为 3 表示其异常程度约为千分之一。',
};

export const TRY_WORDS: Readonly<Record<'en' | 'zh', Words>> = { en, zh };
