/** The fields of a micro-batch's events that a pipeline uses, in columns. Made once and filled again and again. */
export class EventColumns {
  size = 0;
  readonly capacity: number;
  readonly entities: string[];
  readonly domains: string[];
  /** IANA zone of each event */
  readonly zones: string[];
  /** event time, epoch ms */
  readonly times: Float64Array;
  /** position of each event in its partition */
  readonly offsets: Float64Array;
  /** numeric fields in the plan's order, in the event's own unit, NaN where missing */
  readonly numbers: readonly Float64Array[];
  /** category fields in the plan's order, '' where missing */
  readonly categories: readonly string[][];

  constructor(capacity: number, numbers: number, categories: number) {
    this.capacity = capacity;
    const strings = () => new Array<string>(capacity).fill('');
    this.entities = strings();
    this.domains = strings();
    this.zones = strings();
    this.times = new Float64Array(capacity);
    this.offsets = new Float64Array(capacity);
    this.numbers = Array.from({ length: numbers }, () => new Float64Array(capacity));
    this.categories = Array.from({ length: categories }, strings);
  }
}
