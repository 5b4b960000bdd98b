import type { Reason } from './reasons.js';
import { en } from './sentences/en.js';
import type { Templates } from './sentences/templates.js';
import { zh } from './sentences/zh.js';

/** Languages that ship; a translator adds a file beside en.ts and a line here. */
export const LANGUAGES: Readonly<Record<string, Templates>> = { en, zh };

export interface SentenceContext {
  /** the pipeline's word for its entity, such as card or site */
  readonly entity: string;
  /** reasons told in one sentence; 2 by default */
  readonly most?: number;
}

const RATIO_FROM = 2;
const RATIO_MOST = 10_000;

/** Numbers in a locale's way: four significant digits, money (two decimals) where the unit is a currency. */
function numberFormats(locale: string): { plain(value: number): string; money(value: number): string } {
  const plain = new Intl.NumberFormat(locale, { maximumSignificantDigits: 4 });
  const money = new Intl.NumberFormat(locale, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  const small = new Intl.NumberFormat(locale, { notation: 'scientific', maximumSignificantDigits: 4 });
  return {
    plain: (value) =>
      value !== 0 && (Math.abs(value) < 1e-4 || Math.abs(value) >= 1e12)
        ? small.format(value)
        : plain.format(value),
    money: (value) => money.format(value),
  };
}

const isCurrency = (unit: string): boolean => /^[A-Z]{3}$/.test(unit);

/** Makes the sentences of one language. Formats are built once, since Intl's constructors are slow. */
export class Sentences {
  private readonly formats: ReturnType<typeof numberFormats>;

  constructor(private readonly templates: Templates) {
    this.formats = numberFormats(templates.locale);
  }

  /** One sentence for a risk, its strongest reasons first. */
  sentence(reasons: readonly Reason[], context: SentenceContext): string {
    if (reasons.length === 0) return this.templates.none;
    const { join, end } = this.templates;
    return (
      reasons
        .slice(0, context.most ?? 2)
        .map((reason) => this.clause(reason, context.entity))
        .join(join) + end
    );
  }

  private clause(reason: Reason, entity: string): string {
    const { templates } = this;
    const { observed, expected, unit, direction } = reason;
    const word = (name: string): string => templates.words[name] ?? name;
    const values: Record<string, string> = { name: this.name(reason), entity: word(entity) };
    const number = isCurrency(unit) ? this.formats.money : this.formats.plain;
    const withUnit = (value: number): string =>
      number(value) + (unit === '' ? '' : this.templates.unitSpace + unit);
    if (observed !== null) values.observed = withUnit(observed);
    if (expected !== null) values.expected = withUnit(expected);
    let template = templates.bare[direction];
    const special = this.special(reason.feature);
    if (
      special !== undefined &&
      direction !== 'missing' &&
      (observed !== null || !special.includes('{observed}'))
    ) {
      template = special;
    } else if (observed !== null && direction !== 'missing') {
      template = templates.alone[direction];
      if (expected !== null && direction !== 'stuck') {
        values.difference = withUnit(Math.abs(observed - expected));
        const ratio = observed / expected;
        values.ratio = this.formats.plain(Math.round(ratio * 10) / 10);
        const sameSign = observed > 0 && expected > 0;
        if (direction === 'unusual') template = templates.unusualExpected;
        else if (observed >= expected) {
          template =
            sameSign && ratio >= RATIO_FROM && ratio < RATIO_MOST
              ? templates.highRatio
              : templates.highExpected;
        } else template = sameSign && ratio <= 1 / RATIO_FROM ? templates.lowRatio : templates.lowExpected;
      }
    }
    return template.replace(/\{(\w+)\}/g, (hole, key: string) => values[key] ?? hole);
  }

  private special(feature: string): string | undefined {
    const { special } = this.templates;
    const dot = feature.lastIndexOf('.');
    return (
      special[feature] ?? special[baseOf(feature)] ?? (dot < 0 ? undefined : special[feature.slice(dot)])
    );
  }

  private name({ feature, field }: Reason): string {
    const { words } = this.templates;
    const base = field === '' ? baseOf(feature) : field;
    return words[base] ?? base;
  }
}

/** 'hour' of 'hour.sin', 'amount' of 'amount.habit' */
const baseOf = (feature: string): string => feature.split('.', 1)[0]!;

/** A risk's `sentences`: language tag -> sentence, for all languages that ship. */
export function sentenceMaker(): (
  reasons: readonly Reason[],
  context: SentenceContext,
) => Record<string, string> {
  const makers = Object.entries(LANGUAGES).map(
    ([tag, templates]) => [tag, new Sentences(templates)] as const,
  );
  return (reasons, context) =>
    Object.fromEntries(makers.map(([tag, maker]) => [tag, maker.sentence(reasons, context)]));
}
