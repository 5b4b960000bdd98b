/** Which detectors a pipeline runs and how they are set; kept in the manifest of its models. */
export interface DetectorSettings {
  readonly autoencoder?: { readonly window: number; readonly hidden?: readonly [number, number] };
  readonly sequence?: { readonly hidden: number };
  /** side: which way a number is a risk; default both */
  readonly margins?: { readonly side?: 'high' };
  readonly stuck?: Readonly<Record<string, never>>;
  readonly memory?: { readonly size: 'small' | 'large' };
  readonly checks?: { readonly intervalSeconds: number };
}
