/** A part of a country with one time zone; people in it pay at terminals in it. */
export interface Region {
  readonly country: string;
  readonly timeZone: string;
  /** share of all customers and terminals */
  readonly share: number;
}

export interface Country {
  readonly currency: string;
  /** how many units of the currency one base unit is; fixed, for the shape of the amounts, not a market rate */
  readonly rate: number;
  readonly decimals: number;
  readonly issuers: readonly string[];
}

export const COUNTRIES: Readonly<Record<string, Country>> = {
  BE: { currency: 'EUR', rate: 1, decimals: 2, issuers: ['meuse-bank', 'flandria'] },
  BR: { currency: 'BRL', rate: 6, decimals: 2, issuers: ['banco-aurora', 'banco-ipe', 'pagaja'] },
  CN: { currency: 'CNY', rate: 8, decimals: 2, issuers: ['yangtze-bank', 'huashan-bank', 'jiangnan-bank'] },
  DE: { currency: 'EUR', rate: 1, decimals: 2, issuers: ['rheinbank', 'sparhaus', 'nordkredit'] },
  GB: { currency: 'GBP', rate: 0.85, decimals: 2, issuers: ['thames-bank', 'pennine-building-society'] },
  IN: { currency: 'INR', rate: 95, decimals: 2, issuers: ['deccan-bank', 'ganga-bank', 'malabar-bank'] },
  JP: { currency: 'JPY', rate: 160, decimals: 0, issuers: ['sakura-card', 'kita-bank'] },
  US: {
    currency: 'USD',
    rate: 1.1,
    decimals: 2,
    issuers: ['prairie-national', 'harbor-one', 'cascade-credit-union'],
  },
};

export const WORLD: readonly Region[] = [
  { country: 'CN', timeZone: 'Asia/Shanghai', share: 0.24 },
  { country: 'US', timeZone: 'America/New_York', share: 0.12 },
  { country: 'US', timeZone: 'America/Chicago', share: 0.06 },
  { country: 'US', timeZone: 'America/Los_Angeles', share: 0.06 },
  { country: 'DE', timeZone: 'Europe/Berlin', share: 0.14 },
  { country: 'GB', timeZone: 'Europe/London', share: 0.1 },
  { country: 'JP', timeZone: 'Asia/Tokyo', share: 0.1 },
  { country: 'BR', timeZone: 'America/Sao_Paulo', share: 0.1 },
  { country: 'IN', timeZone: 'Asia/Kolkata', share: 0.08 },
];

/** The book's world: one country, whose days are UTC's. */
export const PLAIN: readonly Region[] = [{ country: 'BE', timeZone: 'UTC', share: 1 }];

/** Merchant categories, each with its share of terminals; the last ones sell online only. */
export const MERCHANTS: readonly { name: string; share: number; online: boolean }[] = [
  { name: 'grocery', share: 0.2, online: false },
  { name: 'restaurant', share: 0.16, online: false },
  { name: 'fuel', share: 0.07, online: false },
  { name: 'pharmacy', share: 0.06, online: false },
  { name: 'clothing', share: 0.09, online: false },
  { name: 'electronics', share: 0.04, online: false },
  { name: 'transport', share: 0.07, online: false },
  { name: 'hotel', share: 0.03, online: false },
  { name: 'home', share: 0.05, online: false },
  { name: 'services', share: 0.08, online: false },
  { name: 'marketplace', share: 0.08, online: true },
  { name: 'digital-goods', share: 0.04, online: true },
  { name: 'travel-booking', share: 0.03, online: true },
];

/** How far a zone's clocks are ahead of UTC at an instant, ms. */
export function offsetOf(timeZone: string, at: number): number {
  if (timeZone === 'UTC') return 0;
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  }).formatToParts(at);
  const read = (type: Intl.DateTimeFormatPartTypes) =>
    Number(parts.find((part) => part.type === type)?.value);
  const local = Date.UTC(
    read('year'),
    read('month') - 1,
    read('day'),
    read('hour'),
    read('minute'),
    read('second'),
  );
  return local - Math.floor(at / 1000) * 1000;
}
