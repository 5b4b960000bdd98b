/** Which detectors a pipeline runs and how they are set; kept in the manifest of its models. */
export interface DetectorSettings {
  readonly autoencoder?: { readonly window: number; readonly hidden?: readonly [number, number] };
  /** lags: events that the autoregression looks back on; default 2 */
  readonly sequence?: { readonly hidden: number; readonly lags?: 1 };
  /** side: which way a number is a risk; default both */
  readonly margins?: { readonly side?: 'high' };
  readonly stuck?: Readonly<Record<string, never>>;
  readonly memory?: { readonly size: 'small' | 'large' };
  readonly checks?: { readonly intervalSeconds: number };
}
